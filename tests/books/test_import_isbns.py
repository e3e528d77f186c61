"""ISBNs that spreadsheets damaged: repaired where a check digit proves it, else left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import isbn as stdnum_isbn

from books.catalogues.isbns import Isbn, proven_isbn
from books.standards import isbn13

HUNGER = "9780439023481"  # ISBN-10 0439023483


def isbn10(nine: int) -> str:
    """The ISBN-10 of nine digits."""
    digits = f"{nine:09}"
    check = -sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
    return digits + ("X" if check == 10 else str(check))


@pytest.mark.parametrize(
    "cell",
    [
        HUNGER,
        "978-0-439-02348-1",
        "0439023483",
        "0-439-02348-3",
        '="0439023483"',
        "'0439023483",
        "ISBN: 0439023483",
        "ISBN-13 978 0 439 02348 1",
        "ISBN10:0439023483",
        "0439023483 (pbk.)",
        "978\N{EN DASH}0\N{HYPHEN}439023481",
    ],
)
def test_whole_isbns_are_taken_as_they_are_in_whatever_wrapping(cell: str) -> None:
    assert proven_isbn([cell]) == Isbn(HUNGER, repaired=False)


@pytest.mark.parametrize(
    "cell, isbn",
    [
        ("439023483", HUNGER),
        ("439023483.0", HUNGER),
        ("4.39023483E+8", HUNGER),
        ("9780439023481.0", HUNGER),
        ("9.780439023481e+12", HUNGER),
        ("7225474", "9780007225477"),
        ("43965548x", "9780439655484"),
    ],
)
def test_lost_zeros_come_back_and_whole_floats_are_read(cell: str, isbn: str) -> None:
    assert proven_isbn([cell]) == Isbn(isbn, repaired=True)


@pytest.mark.parametrize(
    "cells",
    [
        ["9.78043902348e+12"],  # the check digit is what the float lost
        ["9.7804390234e+12"],
        ["9.7801401693e+12"],  # 9780140169300 is valid, but so are nine more that round to this
        ["9.78E+12"],
        ["439023484"],
        ["0439023484"],
        ["9780439023482"],
        ["9780439023481.5"],
        ["4.3902348E+8"],
        ["0000000000"],
        ["0-000-00000-0"],
        ["0"],
        ["19"],
        ["036000291452"],
        ["none"],
        ["9" * 500],
        ["1e99"],
        ["385536073"],  # 9780385536073 without its prefix, but nothing else says so
        ["385536073", "9.78E+12"],
        ["385536073", "9.78043902348e+12"],
    ],
)
def test_what_no_check_digit_proves_is_left_out(cells: list[str]) -> None:
    with pytest.raises(ValueError, match="no check digit proves it"):
        proven_isbn(cells)


def test_an_isbn_10_that_proves_itself_wins_over_a_float_that_disagrees() -> None:
    assert proven_isbn(["439023483", "9.78819041695e+12"]).digits == HUNGER


def test_a_lost_prefix_comes_back_where_the_float_beside_agrees() -> None:
    assert proven_isbn(["385536073", "9.78038553607e+12"]) == Isbn("9780385536073", repaired=True)
    assert proven_isbn(["140169300", "9.7801401693e+12"]) == Isbn("9780140169300", repaired=True)


@given(st.integers(10**4, 10**9 - 1))
def test_an_isbn_10_read_as_a_number_is_always_repaired(nine: int) -> None:
    whole = isbn10(nine)
    if len(set(whole)) > 1:
        assert proven_isbn([whole.lstrip("0")]).digits == stdnum_isbn.to_isbn13(whole)


DIGITS = st.one_of(
    st.text("0123456789Xx-. eE+", max_size=20),
    st.integers(0, 10**13).map(str),
    st.integers(0, 10**13).map(float).map(lambda number: f"{number:.11e}"),
    st.integers(0, 10**9 - 1).map(isbn10),
    st.text(max_size=20),
)


@given(st.lists(DIGITS, min_size=1, max_size=3))
def test_whatever_is_repaired_is_valid(cells: list[str]) -> None:
    try:
        found = proven_isbn(cells)
    except ValueError:
        return
    assert len(found.digits) == 13
    assert found.digits.isascii()
    assert stdnum_isbn.is_valid(found.digits)


@given(st.one_of(st.from_regex(r"[0-9]{9}[0-9X]", fullmatch=True), st.from_regex(r"97[89][0-9]{10}", fullmatch=True)))
def test_check_digits_are_judged_as_the_library_judges_them(text: str) -> None:
    for last in "0123456789X":
        whole = text[:-1] + last
        if stdnum_isbn.is_valid(whole):
            assert isbn13(whole) == stdnum_isbn.to_isbn13(whole)
        else:
            with pytest.raises(ValueError, match=r"An ISBN has|is wrong"):
                isbn13(whole)
