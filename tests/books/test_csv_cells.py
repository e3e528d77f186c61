"""A cell of the export harms no spreadsheet, and the import reads it as it was."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from books.catalogues.export import guarded_cell, plain_cell

ROOT = Path(__file__).resolve().parents[2]

# What matters to the two functions, and a letter and a digit that do not.
SIGNS = st.text(st.sampled_from("'=+-@;\t\r\n a1＝"), max_size=12)  # noqa: RUF001


@given(SIGNS | st.text())
def test_a_cell_comes_back_as_it_was(text: str) -> None:
    assert plain_cell(guarded_cell(text)) == text


@given(SIGNS)
def test_no_cell_begins_a_formula_whatever_separates_cells(text: str) -> None:
    for cell in re.split(r"[;\t\r\n]", guarded_cell(text)):
        assert not re.match(r" *[=+\-@＝]", cell)  # noqa: RUF001


@pytest.mark.parametrize(
    "text, cell",
    [
        ("=1+1", "'=1+1"),
        ("x;=1+1;y", "x;'=1+1;y"),
        ("one\n=1+1", "one\n'=1+1"),
        ("rock 'n' -roll", "rock 'n' -roll"),
        ("'a'=1", "'a'=1"),
    ],
)
def test_only_what_a_spreadsheet_would_run_is_guarded(text: str, cell: str) -> None:
    assert guarded_cell(text) == cell
    assert plain_cell(cell) == text


def test_a_cell_of_quotes_alone_takes_no_time_to_speak_of() -> None:
    # A pattern that goes back over what it has seen takes many minutes for this, and nothing in the same process can
    # stop it: hence another one, which is given a minute.
    program = """
from books.catalogues.export import guarded_cell, plain_cell
for sign in ("'", "\\t", ";", " ", ";'", "\\n "):
    text = sign * 200_000
    assert plain_cell(guarded_cell(text)) == text
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
