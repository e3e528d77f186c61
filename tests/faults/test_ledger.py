"""The ledger that counts losses can fail: each kind of loss, planted by hand."""

import pytest

from tests.faults.ledger import MARK, Content, Ledger


def content(name: str) -> Content:
    return Content(f"{MARK}: {name}", ("Ursula K. Le Guin",), name)


FIRST, SECOND, THIRD = content("first"), content("second"), content("third")


@pytest.fixture
def ledger() -> Ledger:
    """Book 1 was added and changed, both acknowledged; book 2 was deleted; a third may have been added."""
    ledger = Ledger()
    changed = ledger.new()
    changed.kept(FIRST, 1)
    changed.kept(SECOND)
    deleted = ledger.new()
    deleted.kept(content("gone"), 2)
    deleted.kept(None)
    ledger.new().perhaps(THIRD)
    return ledger


def test_what_is_as_promised_is_no_loss(ledger: Ledger) -> None:
    assert ledger.acknowledged == 4
    assert ledger.losses({1: SECOND}) == []
    assert ledger.losses({1: SECOND, 3: THIRD}) == []


def test_the_sample_is_nobodys_loss(ledger: Ledger) -> None:
    assert ledger.losses({1: SECOND, 9: Content("Middlemarch", ("George Eliot",), "")}) == []


def test_a_book_that_has_gone_is_a_loss(ledger: Ledger) -> None:
    assert len(ledger.losses({})) == 1


def test_a_change_that_was_forgotten_is_a_loss(ledger: Ledger) -> None:
    assert len(ledger.losses({1: FIRST})) == 1


def test_half_a_change_is_a_loss(ledger: Ledger) -> None:
    assert len(ledger.losses({1: SECOND._replace(description="first")})) == 1


def test_a_deleted_book_that_is_back_is_a_loss(ledger: Ledger) -> None:
    assert len(ledger.losses({1: SECOND, 2: content("gone")})) == 1


def test_a_book_that_one_request_made_twice_is_told(ledger: Ledger) -> None:
    assert len(ledger.losses({1: SECOND, 3: THIRD, 4: THIRD})) == 1


def test_a_book_that_nobody_asked_for_is_told(ledger: Ledger) -> None:
    assert len(ledger.losses({1: SECOND, 3: content("made up")})) == 1


def test_without_an_answer_either_state_will_do_and_no_other(ledger: Ledger) -> None:
    ledger.entries[0].perhaps(THIRD)
    assert ledger.losses({1: SECOND}) == ledger.losses({1: THIRD}) == []
    assert len(ledger.losses({1: FIRST})) == 1
    assert len(ledger.losses({})) == 1
