"""The audit of libraries tells "nobody could be asked" from "nothing is known" from "something is wrong"."""

import runpy
from pathlib import Path
from typing import Any

import pytest

AUDIT = runpy.run_path(str(Path(__file__).resolve().parents[1] / ".ci" / "audit.py"))

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
UNKNOWN = {"name": "django", "skip_reason": "Dependency not found on PyPI and could not be audited: django (5.2.19)"}
HOLED = {"name": "pyjwt", "version": "1.0", "vulns": [{"id": "PYSEC-2022-202", "fix_versions": ["2.4.0"]}]}


@pytest.mark.parametrize(
    "dependencies, status, said",
    [
        ([CLEAN], 0, "1 libraries without a published vulnerability."),
        ([CLEAN, UNKNOWN], 0, "1 libraries without a published vulnerability, 1 that the index does not know."),
        ([UNKNOWN, UNKNOWN], 0, "SKIPPED: the index of vulnerabilities is unreachable; it knew none of 2 libraries."),
        ([], 0, "SKIPPED: the index of vulnerabilities is unreachable; it knew none of 0 libraries."),
        ([UNKNOWN, HOLED], 1, "pyjwt 1.0: PYSEC-2022-202, mended in 2.4.0"),
    ],
)
def test_a_silence_is_not_taken_for_a_clean_answer(dependencies: list[Any], status: int, said: str) -> None:
    assert AUDIT["verdict"](dependencies) == (status, said)
