"""The examples of README.md, run in their order against one server; what they print stands behind them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import Server

PACKAGE = Path(__file__).parent.parent


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)


def test_every_example_prints_what_it_says(own_server: Server) -> None:
    pytest.importorskip("langchain_core", reason="the integrations need Python 3.10")
    assert len(examples()) == 5
    for example in examples():
        run = subprocess.run(
            [sys.executable, "-c", example],
            capture_output=True,
            text=True,
            env={**os.environ, "ANNULI_URL": own_server.url, "PYTHONPATH": str(PACKAGE / "src")},
        )
        assert run.returncode == 0, run.stderr
        said = re.findall(r"print\(.*\)  # (.*)", example)
        assert run.stdout.splitlines() == said
