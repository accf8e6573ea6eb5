"""Makes the API for threads, `annuli._sync`, of the one for asyncio, `annuli._async`.

Both are to say and do the same, so one of them is written. What cannot be turned word by word stands in `waiting.py`,
which each has of its own.

    python tools/make_sync.py            writes what differs
    python tools/make_sync.py --check    names what differs, and fails
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "annuli"

#: Written in both.
WRITTEN_TWICE = {"waiting.py"}

#: In this order: the first that matches turns a word.
WORDS = [
    (r"\bawait ", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bcontextlib\.asynccontextmanager\b", "contextlib.contextmanager"),
    (r"\bhttpx\.AsyncClient\b", "httpx.Client"),
    (r"\b_async\b", "_sync"),
    (r"\b__a(enter|exit|iter)__\b", r"__\1__"),
    (r"\b__anext__\b", "__next__"),
    (r"\ba(close|read|iter_text)\(", r"\1("),
    (r"\bAsync([A-Z])", r"\1"),
    (r"\bfor asyncio\b", "for threads"),
    # What is taken from another is given on as one.
    (r"for (\w+) in (.+):\n +yield \1\n", r"yield from \2\n"),
    (
        r"What stands here is written; its twin, `_sync`, is made of it\.",
        "It is made of its twin, `_async`.",
    ),
]


def turned(text: str) -> str:
    """The same, for threads."""
    for word, instead in WORDS:
        text = re.sub(word, instead, text)
    return text


def formatted(text: str, name: str) -> str:
    """As ruff writes it: lines have become shorter, and imports are in another order."""
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        run = ["ruff", *command, "--stdin-filename", str(PACKAGE / "_sync" / name), "-"]
        text = subprocess.run(run, input=text, capture_output=True, text=True, check=True).stdout
    return text


def made() -> dict[Path, str]:
    """Every file that is to be there, with its text."""
    sources = sorted(path for path in (PACKAGE / "_async").glob("*.py") if path.name not in WRITTEN_TWICE)
    return {PACKAGE / "_sync" / source.name: formatted(turned(source.read_text()), source.name) for source in sources}


def main() -> int:
    """Writes, or checks."""
    differs = [path for path, text in made().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in differs:
            print(f"{path} is not what tools/make_sync.py makes: run it")
        return 1 if differs else 0
    for path, text in made().items():
        if path in differs:
            path.write_text(text)
            print(f"written: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
