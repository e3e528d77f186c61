"""The table of docs/reliability.md: made of rows, read again, and written between its markers."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults.load import WELL, Row

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEAD = (
    "| fault | what readers and writers saw | longest wait | time to recover | acknowledged writes | lost "
    "| wrong admissions | besides |\n|---|---|---|---|---|---|---|---|\n"
)
FAULTS = {
    "worker killed": "both workers are killed (-9), one after the other",
    "server stopped": "the server is stopped (SIGTERM) and started again",
    "server rolled": "one of two servers is stopped (SIGTERM) and started, three times: a rolling deployment",
    "postgresql stopped": "PostgreSQL is stopped (fast) for 10 s",
    "postgresql killed": "PostgreSQL is killed (-9) and recovers",
    "postgresql frozen": "PostgreSQL is frozen (SIGSTOP) for 20 s",
    "postgresql full": "PostgreSQL has no connection left for 10 s",
    "redis away": "Redis is stopped for 8 s, comes back empty, and is wiped",
    "keys away": "the key endpoint is down for less than 24 h",
    "keys gone": "the key endpoint is down for more than 24 h",
    "keys rotated": "the pool's key is rotated, then withdrawn",
    "cognito hangs": "Cognito hangs for 15 s, while 12 people at a time try to sign in",
    "sqlite full": "SQLite's disk is full for 8 s",
    "half open": "100 clients never finish their headers",
    "unfinished heads": "3,000 clients never finish their headers",
    "large heads": "24 clients send heads of 100 KiB, over and over",
    "uploads": "8 clients upload files of 50 MiB to pages with a form, over and over; metrics are on",
    "never reads": "20 clients never read their answers",
    "slow bodies": "20 clients send their bodies a byte a second",
    "slow address": "40 clients at another address stop in the middle of a body, over and over",
    "replica away": "the read replica is stopped for 8 s",
    "replica behind": "the read replica stops following for 12 s",
}
"""All rows in their order: what their first cells say."""
_BETWEEN = re.compile(r"(?<=<!-- faults -->\n).*?(?=<!-- /faults -->)", re.DOTALL)


def told(seen: Counter[str]) -> str:
    """What was seen, the good first."""
    good = sum(seen[status] for status in WELL)
    rest = [f"{what}: {count}" for what, count in sorted(seen.items()) if what not in WELL]
    return "; ".join([f"200, 201, 204: {good}", *rest])


def line(row: Row) -> str:
    """A row in Markdown."""
    recovery = "no outage" if row.recovery is None else f"{row.recovery:.1f} s"
    cells = [
        row.fault,
        told(row.seen),
        f"{row.longest_wait:.1f} s",
        recovery,
        str(row.acknowledged),
        str(len(row.losses)),
        f"{len(row.admitted)} of {row.tried}",
        " ".join(row.notes),
    ]
    return f"| {' | '.join(cells)} |\n"


def write(rows: Sequence[Row], document: Path = DOCUMENT) -> None:
    """Put `rows` into the document; rows of other faults that are there stay."""
    text = document.read_text()
    there = _BETWEEN.search(text)
    assert there, f"{document} has lost its markers"
    lines = {fault_of(old): f"{old}\n" for old in there[0].splitlines() if old.startswith("| ")}
    lines |= {row.fault: line(row) for row in rows}
    kept = "".join(lines[fault] for fault in FAULTS.values() if fault in lines)
    document.write_text(text[: there.start()] + "\n" + HEAD + kept + "\n" + text[there.end() :])


def fault_of(markdown: str) -> str:
    """The first cell of a row."""
    return markdown.removeprefix("| ").partition(" | ")[0]
