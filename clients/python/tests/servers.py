"""The real program, as a process that a test may treat as it likes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Optional

import httpx

#: Seconds for a process to be ready, on a busy machine.
_READY_S = 60.0


class Server:
    """`annuli serve`."""

    def __init__(self, program: Path, workspace: Path, **variables: str) -> None:
        self._program, self._workspace = program, workspace
        self._variables = variables
        self._listen = "127.0.0.1:0"
        self.url = ""
        self.start()

    def start(self) -> None:
        """Starts it, the second time on the same port."""
        command = [self._program, "serve", "--workspace", self._workspace, "--listen", self._listen]
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **self._variables}
        )
        self.url = _said_url(self._process)
        self._listen = self.url.removeprefix("http://")

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It takes connections and says nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.kill()


class Cluster:
    """`annuli cluster up`."""

    def __init__(self, program: Path, workspace: Path) -> None:
        self.url = f"http://127.0.0.1:{_free_port()}"
        command = [program, "cluster", "up", "--shards", "2", "--replicas", "1", "--dump-every", "never"]
        command += ["--workspace", workspace, "--listen", self.url.removeprefix("http://")]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        _forget(self._process.stderr)
        _wait_until_ready(self.url, self._process)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        # It ends its processes itself.
        self._process.terminate()
        self._process.wait()


def _said_url(process: subprocess.Popen[str]) -> str:
    said = []
    assert process.stderr
    for line in process.stderr:
        said.append(line)
        found = re.search(r"serving url=(\S+)", line)
        if found:
            _forget(process.stderr)
            return found[1]
    raise AssertionError(f"the server has not started:\n{''.join(said)}")


def _forget(said: Optional[IO[str]]) -> None:
    """Takes what is said, or the process would wait for somebody to do so."""

    def take() -> None:
        with said:  # type: ignore[union-attr]
            for _ in said:  # type: ignore[union-attr]
                pass

    threading.Thread(target=take, daemon=True).start()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the cluster has ended"
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} is not ready after {_READY_S} s")
