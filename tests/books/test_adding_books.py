"""Adding a book: what is kept, what is refused, and where the answer says it is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, isbn

from accounts.models import User
from books.models import Author, Book
from books.standards import isbn13
from tests.books.conftest import BOOKS, problems
from tests.conftest import Client

pytestmark = pytest.mark.django_db

LEAST = {"title": "Walden", "authors": ["Henry David Thoreau"]}


def test_a_whole_book_comes_back_as_it_was_sent(uma: Client) -> None:
    sent = {
        "isbn": "9780140390445",
        "title": "Walden and Civil Disobedience",
        "subtitle": "Or, Life in the Woods",
        "authors": ["Henry David Thoreau", "Michael Meyer"],
        "publisher": "Penguin",
        "published_year": 1854,
        "language": "en-US",
        "page_count": 440,
        "rating": 4.35,
        "subjects": ["Solitude", "Nature"],
        "description": "He went to the woods.\n\nDeliberately.",
    }
    response = uma.post(BOOKS, sent)
    assert response.status_code == 201
    book = response.json()
    assert {name: book[name] for name in sent} == sent
    assert book["added_by"] == uma.sub
    assert book["url"] == response["Location"] == f"http://testserver{BOOKS}{book['id']}/"
    assert book["created_at"].endswith("Z")
    assert uma.get(book["url"]).json() == book


def test_what_is_left_out_is_empty_or_null(uma: Client) -> None:
    book = uma.post(BOOKS, LEAST).json()
    absent = ("isbn", "published_year", "page_count", "rating")
    assert [book[name] for name in absent] == [None] * 4
    assert [book[name] for name in ("subtitle", "publisher", "language", "description")] == [""] * 4
    assert book["subjects"] == []


def test_members_that_are_read_only_are_ignored(uma: Client, ulf: Client) -> None:
    book = uma.post(BOOKS, LEAST | {"id": 77, "added_by": ulf.sub, "created_at": "2000-01-01"}).json()
    assert book["id"] != 77
    assert book["added_by"] == uma.sub
    assert not book["created_at"].startswith("2000")


def test_a_person_gets_a_row_with_their_first_book_and_only_one(uma: Client) -> None:
    uma.get(BOOKS)
    assert not User.objects.exists()
    uma.post(BOOKS, LEAST)
    uma.post(BOOKS, LEAST)
    assert [user.pk for user in User.objects.all()] == [uma.sub]


def test_a_machine_may_own_a_book(machine: Any) -> None:
    robot = machine("books/write")
    book = robot.post(BOOKS, LEAST).json()
    assert book["added_by"] == robot.sub
    assert robot.delete(book["url"]).status_code == 204


def test_blanks_around_texts_are_dropped(uma: Client) -> None:
    book = uma.post(BOOKS, LEAST | {"title": "  Walden\n", "authors": [" H. D. Thoreau "], "publisher": "  "}).json()
    assert (book["title"], book["authors"], book["publisher"]) == ("Walden", ["H. D. Thoreau"], "")


def test_books_of_the_same_name_share_an_author(uma: Client) -> None:
    uma.post(BOOKS, LEAST)
    uma.post(BOOKS, LEAST | {"authors": ["Somebody Else", "Henry David Thoreau"]})
    assert sorted(Author.objects.values_list("name", flat=True)) == ["Henry David Thoreau", "Somebody Else"]


TOO_MANY = [f"Name {number}" for number in range(101)]


@pytest.mark.parametrize(
    "wrong, where",
    [
        ({"title": 1984}, {"#/title": "invalid"}),
        ({"title": None}, {"#/title": "null"}),
        ({"title": True}, {"#/title": "invalid"}),
        ({"title": ["Walden"]}, {"#/title": "invalid"}),
        ({"title": " "}, {"#/title": "blank"}),
        ({"title": "x" * 501}, {"#/title": "max_length"}),
        ({"title": "Wal\0den"}, {"#/title": "null_characters_not_allowed"}),
        ({"subtitle": None}, {"#/subtitle": "null"}),
        ({"publisher": "x" * 301}, {"#/publisher": "max_length"}),
        ({"description": "x" * 20_001}, {"#/description": "max_length"}),
        ({"description": 3}, {"#/description": "invalid"}),
        ({"authors": []}, {"#/authors": "empty"}),
        ({"authors": "Thoreau"}, {"#/authors": "not_a_list"}),
        ({"authors": {"0": "Thoreau"}}, {"#/authors": "not_a_list"}),
        ({"authors": None}, {"#/authors": "null"}),
        ({"authors": ["Ann", 3]}, {"#/authors/1": "invalid"}),
        ({"authors": ["Ann", ""]}, {"#/authors/1": "blank"}),
        ({"authors": ["Ann", None]}, {"#/authors/1": "null"}),
        ({"authors": ["Ann", "B\0b"]}, {"#/authors/1": "null_characters_not_allowed"}),
        ({"authors": ["Ann", "Bob", " Ann", "Bob"]}, {"#/authors/2": "duplicate", "#/authors/3": "duplicate"}),
        ({"authors": ["x" * 301]}, {"#/authors/0": "max_length"}),
        ({"authors": TOO_MANY}, {"#/authors": "max_length"}),
        ({"subjects": TOO_MANY}, {"#/subjects": "max_length"}),
        ({"subjects": ["Nature", "Nature"]}, {"#/subjects/1": "duplicate"}),
        ({"subjects": [["Nature"]]}, {"#/subjects/0": "invalid"}),
        ({"published_year": "1854"}, {"#/published_year": "invalid"}),
        ({"published_year": 1854.0}, {"#/published_year": "invalid"}),
        ({"published_year": 10_000}, {"#/published_year": "max_value"}),
        ({"published_year": -5001}, {"#/published_year": "min_value"}),
        ({"page_count": "440"}, {"#/page_count": "invalid"}),
        ({"page_count": 440.0}, {"#/page_count": "invalid"}),
        ({"page_count": True}, {"#/page_count": "invalid"}),
        ({"page_count": 0}, {"#/page_count": "min_value"}),
        ({"page_count": 2**31}, {"#/page_count": "max_value"}),
        ({"page_count": 10**30}, {"#/page_count": "invalid"}),
        ({"rating": "4.5"}, {"#/rating": "invalid"}),
        ({"rating": True}, {"#/rating": "invalid"}),
        ({"rating": 5.01}, {"#/rating": "max_value"}),
        ({"rating": -0.5}, {"#/rating": "min_value"}),
        ({"rating": 4.355}, {"#/rating": "max_decimal_places"}),
        ({"rating": 1e-300}, {"#/rating": "max_decimal_places"}),
        ({"rating": 1e26}, {"#/rating": "max_value"}),
        ({"rating": -1e300}, {"#/rating": "min_value"}),
        ({"rating": 2**63}, {"#/rating": "max_value"}),
        ({"isbn": 9780140390445}, {"#/isbn": "invalid"}),
        ({"isbn": ""}, {"#/isbn": "blank"}),
        ({"isbn": "9780140390446"}, {"#/isbn": "invalid"}),
        ({"isbn": "123456789"}, {"#/isbn": "invalid"}),
        ({"isbn": "5901234123457"}, {"#/isbn": "invalid"}),
        ({"language": "xx-YY"}, {"#/language": "invalid"}),
        ({"language": "English"}, {"#/language": "invalid"}),
        ({"language": None}, {"#/language": "null"}),
    ],
)
def test_types_and_limits_are_strict(uma: Client, wrong: dict[str, Any], where: dict[str, str]) -> None:
    assert problems(uma.post(BOOKS, LEAST | wrong)) == where
    assert not Book.objects.exists()


def test_all_that_is_wrong_is_said_at_once(uma: Client) -> None:
    assert problems(uma.post(BOOKS, {"rating": 9})) == {
        "#/title": "required",
        "#/authors": "required",
        "#/rating": "max_value",
    }


@pytest.mark.parametrize("body", ["[]", '"book"', "3", "null", "", "{", '{"title": NaN}', b"\xff", "[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(uma: Client, body: Any) -> None:
    response = uma.post(BOOKS, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


def test_limits_themselves_are_allowed(uma: Client) -> None:
    names = [f"{number:03}".ljust(300, "x") for number in range(100)]
    book = uma.post(
        BOOKS,
        {
            "title": "x" * 500,
            "authors": names,
            "subjects": names,
            "description": "é" * 20_000,
            "published_year": -5000,
            "page_count": 2**31 - 1,
            "rating": 5,
        },
    )
    assert book.status_code == 201
    assert book.json()["authors"] == names
    assert book.json()["rating"] == 5.0


@pytest.mark.parametrize(
    "sign",
    ["\ufdfa", "\ufdf2", "\u3316", "\U0002f800", "é", "\u0345", "\U0001f40b", "ﷺa"],
    ids=lambda sign: f"U+{ord(sign[0]):X}",
)
def test_signs_that_unfold_into_many_are_kept_too(uma: Client, sign: str) -> None:
    """NFKD makes 18 letters of U+FDFA; a tsvector holds one MiB and no word of more than 2,046 bytes."""
    names = [f"{number}{sign * 290}"[:300] for number in range(100)]
    response = uma.post(BOOKS, {"title": sign * 200, "authors": names, "subjects": names})
    assert response.status_code == 201, response.content


@pytest.mark.parametrize(
    "written, kept",
    [
        ("0-8044-2957-X", "9780804429573"),
        ("080442957x", "9780804429573"),
        ("978-0-306-40615-7", "9780306406157"),
        ("978 0 306 40615 7", "9780306406157"),
        ("979-10-90636-07-1", "9791090636071"),
        ("978\u20110\u2011306\u201140615\u20117", "9780306406157"),
        (None, None),
    ],
)
def test_an_isbn_of_any_form_is_kept_as_13_digits(uma: Client, written: str | None, kept: str | None) -> None:
    assert uma.post(BOOKS, LEAST | {"isbn": written}).json()["isbn"] == kept


def test_a_second_book_of_the_same_isbn_is_a_conflict(uma: Client, ulf: Client) -> None:
    assert uma.post(BOOKS, LEAST | {"isbn": "0-8044-2957-X"}).status_code == 201
    response = ulf.post(BOOKS, LEAST | {"isbn": "9780804429573", "authors": ["Nobody Yet"]})
    assert response.status_code == 409
    assert response.json()["code"] == "isbn_taken"
    assert not Author.objects.filter(name="Nobody Yet").exists()


def test_any_number_of_books_may_lack_an_isbn(uma: Client) -> None:
    assert {uma.post(BOOKS, LEAST).status_code for _ in range(3)} == {201}


@pytest.mark.parametrize(
    "written, kept", [("ger", "de"), ("ENG", "en"), ("pt-br", "pt-BR"), ("zh_hans_cn", "zh-Hans-CN"), ("grc", "grc")]
)
def test_a_language_is_kept_in_its_canonical_form(uma: Client, written: str, kept: str) -> None:
    assert uma.post(BOOKS, LEAST | {"language": written}).json()["language"] == kept


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_every_isbn_10_becomes_its_isbn_13(stem: str) -> None:
    ten = stem + isbn._calc_isbn10_check_digit(stem)
    thirteen = "978" + stem + ean.calc_check_digit("978" + stem)
    assert isbn13(ten) == isbn13(thirteen) == isbn13("-".join(ten)) == thirteen


@given(st.from_regex(r"97[89][0-9]{10}", fullmatch=True), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(digits: str, place: int, off: int) -> None:
    good = digits[:12] + ean.calc_check_digit(digits[:12])
    bad = good[:place] + str((int(good[place]) + off) % 10) + good[place + 1 :]
    with pytest.raises(ValueError, match=r"ISBN"):
        isbn13(bad)


@given(st.text())
def test_anything_else_is_no_isbn_or_13_digits(text: str) -> None:
    try:
        digits = isbn13(text)
    except ValueError:
        return
    assert len(digits) == 13
    assert digits.isascii()
    assert digits.isdigit()
