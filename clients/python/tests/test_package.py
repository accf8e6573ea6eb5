"""The package as PyPI would have it: built, installed where nothing else is, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY
from servers import Server

pytest.importorskip("build", reason="the package is built with the newest of what it needs")

USED = """
import annuli
with annuli.Client() as client:
    faces = client.create_index("faces", dim=3, metric="cosine")
    faces.upsert([annuli.Document("ann", [1, 0, 0.2])])
    print(faces.search([1, 0, 0], limit=1).ids, "site-packages" in annuli.__file__)
"""

#: Typed as users see it: with what the wheel brings, and no source in reach.
TYPED = """
import annuli
hits = annuli.Client().index("faces").search([1.0]).hits
reveal_type(hits)
"""


def run(*command: str | Path, **variables: str) -> str:
    # What is to be found is what was installed.
    here = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env={**here, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_is_built_installed_and_works(own_server: Server, tmp_path: Path) -> None:
    package = REPOSITORY / "clients" / "python"
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, package)
    [wheel] = tmp_path.glob("annuli-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "annuli/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "tests" in name or "tools" in name]

    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    assert run(python, "-c", USED, ANNULI_URL=own_server.url) == "['ann'] True\n"

    typed = tmp_path / "typed.py"
    typed.write_text(TYPED)
    assert 'note: Revealed type is "list[annuli.searches.Hit]"' in run(
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--python-executable",
        python,
        "--cache-dir",
        os.devnull,
        typed,
    ).replace("builtins.list", "list")
