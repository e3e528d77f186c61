"""What single cells mean: names, years, ratings, languages, titles."""

from decimal import Decimal
from typing import Any

import pytest

from books.catalogues import values
from books.catalogues.people import authors_of, natural_name
from books.catalogues.presets import first_line_and_rest, title_and_series


@pytest.mark.parametrize(
    "entry, name",
    [
        ("Jefferson, Thomas, 1743-1826", "Thomas Jefferson"),
        ("Kennedy, John F. (John Fitzgerald), 1917-1963", "John F. Kennedy"),
        ("Wells, H. G. (Herbert George), 1866-1946 [Translator]", "H. G. Wells"),
        ("Raymond, Eric S., 1957-", "Eric S. Raymond"),
        ("Shumway, Daniel Bussier, 1868-", "Daniel Bussier Shumway"),
        ("Townsend, George Fyler, 1814?-1900?", "George Fyler Townsend"),
        ("Plato, 428? BCE-348? BCE", "Plato"),
        ("Sallust, 87 BCE-35 BCE", "Sallust"),
        ("Apollonius, Rhodius, active 3rd century B.C.", "Rhodius Apollonius"),
        ("Longinus, active 1st century", "Longinus"),
        ("Dante Alighieri, 1265-1321", "Dante Alighieri"),
        ("Molière, 1622-1673", "Molière"),
        ("Various", "Various"),
        ("United States. Central Intelligence Agency", "United States. Central Intelligence Agency"),
        ("National Atomic Museum (U.S.)", "National Atomic Museum (U.S.)"),
        ("Lytton, Edward Bulwer Lytton, Baron, 1803-1873", "Edward Bulwer Lytton"),
        ("Alger, Horatio, Jr., 1832-1899", "Horatio Alger Jr."),
        ("Ward, Humphry, Mrs., 1851-1920", "Mrs. Humphry Ward"),
        ("Beerbohm, Max, Sir, 1872-1956", "Sir Max Beerbohm"),
        ("Augustine, Saint, Bishop of Hippo, 354-430", "Saint Augustine"),
        ("Tolstoy, Leo, graf, 1828-1910", "Leo Tolstoy"),
        ("Saint-Simon, Louis de Rouvroy, duc de, 1675-1755", "Louis de Rouvroy, duc de Saint-Simon"),
        ("Orléans, Charlotte-Elisabeth, duchesse d', 1652-1722", "Charlotte-Elisabeth, duchesse d'Orléans"),
        ("Chesterfield, Philip Dormer Stanhope, Earl of, 1694-1773", "Philip Dormer Stanhope, Earl of Chesterfield"),
        ("Marguerite, Queen, consort of Henry IV, King of France, 1553-1615", "Queen Marguerite"),
        ("1832-1898", "1832-1898"),
        ("", ""),
    ],
)
def test_a_library_s_entry_becomes_the_name_on_the_title_page(entry: str, name: str) -> None:
    assert natural_name(entry) == name


def test_who_has_a_role_is_no_author_unless_nobody_else_is_named() -> None:
    people = ["Homer, 751? BCE-651? BCE", "Butler, Samuel, 1835-1902 [Translator]"]
    assert authors_of(people) == ["Homer"]
    assert authors_of(people[1:]) == ["Samuel Butler"]


@pytest.mark.parametrize(
    "text, title, series",
    [
        ("The Hunger Games (The Hunger Games, #1)", "The Hunger Games", "The Hunger Games, #1"),
        ("Angels & Demons  (Robert Langdon, #1)", "Angels & Demons", "Robert Langdon, #1"),
        ("Happily Ever After (The Selection, #0.4, 0.5)", "Happily Ever After", "The Selection, #0.4, 0.5"),
        ("The Firm (Penguin Readers, Level 5)", "The Firm (Penguin Readers, Level 5)", ""),
        ("Ranma ½, Vol. 1 (Ranma ½ (US 2nd), #1)", "Ranma ½, Vol. 1 (Ranma ½ (US 2nd), #1)", ""),
        ("Saga #1", "Saga #1", ""),
        ("(Saga, #1)", "(Saga, #1)", ""),
    ],
)
def test_a_series_with_a_number_leaves_the_title(text: str, title: str, series: str) -> None:
    assert title_and_series(text) == (title, series)


def test_a_title_ends_at_the_first_line_break() -> None:
    assert first_line_and_rest("Faust\r\nDer Tragödie\nerster Teil") == ("Faust", "Der Tragödie erster Teil")
    assert first_line_and_rest("Emma") == ("Emma", "")


@pytest.mark.parametrize(
    "meaning, text, value",
    [
        (values.year, "2008.0", 2008),
        (values.year, "-750.0", -750),
        (values.year, "8", 8),
        (values.year, "2008-09-14", 2008),
        (values.year, "2008-09-14T10:00:00Z", 2008),
        (values.pages, "374.0", 374),
        (values.rating, "4.345", Decimal("4.34")),
        (values.rating, "5.000", Decimal("5.00")),
        (values.language, "ENG", "en"),
        (values.language, "pt_br", "pt-BR"),
        (values.language, "de; en", "de"),
        (values.language, "English, fr", "fr"),
        (values.prose, " a\r\nb\rc ", "a\nb\nc"),
    ],
)
def test_values_are_read_in_the_forms_that_occur(meaning: Any, text: str, value: Any) -> None:
    assert meaning(text) == value


@pytest.mark.parametrize(
    "meaning, text",
    [
        (values.year, "c. 1900"),
        (values.year, "19999"),
        (values.year, "٢٠٠٨"),
        (values.year, "2008.5"),
        (values.pages, "0"),
        (values.pages, "374 p."),
        (values.rating, "5.01"),
        (values.rating, "1e400"),
        (values.rating, "Infinity"),
        (values.language, "the tongue of angels"),
    ],
)
def test_values_in_other_forms_are_refused(meaning: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"^not "):
        meaning(text)
