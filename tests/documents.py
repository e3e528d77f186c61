"""Shell blocks of the documents, and the tests that run them.

A comment before each fenced shell block names its test, or the reason why there is none:

    <!-- run by: tests/infra/test_releasing.py::test_name -->   that test runs it (it may come from `blocks_run_by`)
    <!-- not run: why -->                                       nobody does; `why` says what it would need
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (?P<kind>run by|not run): (?P<what>.+?) -->\s*\Z")
SHELLS = ("sh", "bash", "shell", "console", "zsh")


@dataclass(frozen=True)
class Block:
    """A fenced block of shell. `run_by` is the test that runs it, `not_run` says why nobody does; both may be empty."""

    page: Path
    line: int
    text: str
    run_by: str
    not_run: str

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def shell_blocks(page: Path, text: str | None = None) -> Iterator[Block]:
    """The shell blocks of a page, in order; `text` in place of what the page says."""
    text = page.read_text() if text is None else text
    for found in _FENCE.finditer(text):
        if found["language"].strip() not in SHELLS:
            continue
        before = _MARK.search(text[: found.start()])
        marks = {before["kind"]: before["what"]} if before else {}
        indent = found["indent"]
        body = re.sub(rf"^{indent}", "", found["body"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, body, marks.get("run by", ""), marks.get("not run", ""))


def blocks_run_by(test: str) -> list[str]:
    """The blocks that name this test (`file::name`), in order of pages and lines."""
    return [block.text for page in PAGES for block in shell_blocks(page) if block.run_by == test]
