"""The blocks of a page, as somebody who reads it copies them."""

import contextlib
import io
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def blocks(page, heading, language="python"):
    """Those in that language below a heading, as far as the next one."""
    found, below, fence, lines = [], False, None, []
    for line in (REPOSITORY / page).read_text().splitlines():
        if line.startswith("```"):
            if fence is None:
                fence, lines = line.removeprefix("```"), []
                continue
            if below and fence == language:
                found.append("\n".join(lines))
            fence = None
        elif fence is not None:
            lines.append(line)
        elif line.startswith("#"):
            below = line.lstrip("# ") == heading
    assert found, f"{page} has nothing in {language} below `{heading}`"
    return found


def run(block, elsewhere, **known):
    """Runs a block with names that it takes as known; what it calls so is elsewhere. Returns its names, and what it prints."""
    for here, there in elsewhere.items():
        assert here in block, f"{here} is not in the block\n{block}"
        block = block.replace(here, there)
    names, printed = dict(known), io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "a block of the page", "exec"), names)
    return names, printed.getvalue().strip()
