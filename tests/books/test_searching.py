"""Finding books by words: the same ones on every database, the best first."""

import importlib
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books import ranking, writing
from books.models import Author, Book
from books.search import MAX_LINE, MAX_SORT_KEY, MAX_WORD, line_of, normalise, sort_key
from tests.books.conftest import AUTHORS, BOOKS, Shelve, problems, titles, walk
from tests.conftest import Client

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, words",
    [
        ("The Hobbit, or There and Back Again", "the hobbit or there and back again"),
        ("  Les Misérables!  ", "les miserables"),
        ("STRASSE straße", "strasse strasse"),
        ("Łódź", "łodz"),
        ("ﬁve ½ ²", "five 1 2 2"),
        ("O'Brien's C3PO", "o brien s c3po"),
        ("Ἰλιάς ΣΊΣΥΦΟΣ", "ιλιασ σισυφοσ"),
        ("Война и мир", "воина и мир"),
        ("紅樓夢", "紅 樓 夢"),
        ("ガラスの仮面", "ガ ラ ス の 仮 面"),
        ("हिन्दी", "हिन्दी"),
        ("סֵפֶר", "ספר"),
        ("🐋 | ; % _ ' \\", ""),
        ("x" * 150, "x" * MAX_WORD),
    ],
)
def test_words_are_without_case_accents_and_punctuation(text: str, words: str) -> None:
    assert normalise(text) == words


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not set(once) & set("%_|;'\"\\&!:*()\0\t\n")
    assert once == " ".join(once.split())


@given(st.text())
def test_case_is_no_difference(text: str) -> None:
    assert normalise(text) == normalise(text.casefold())


@given(st.lists(st.text(max_size=300), max_size=100))
def test_lines_and_keys_fit_into_their_columns_and_indexes(names: list[str]) -> None:
    line = line_of(title="\ufdfa" * 500, subtitle="", authors=names, subjects=names)
    assert len(line) <= MAX_LINE
    assert len(sort_key("\ufdfa" * 500)) <= MAX_SORT_KEY


# Few words and separators, so that books and questions meet often; and signs that parsers have opinions about.
# Vowel signs, and letters younger than a database's own tables, are parts of words as well.
SIGNS = st.sampled_from([*"abÉe1-./@ß樓क\u093f\u0940 |;", "Ab", "1e5x", "b.c", "ss", "\U0001e922", "\u1c84"])
TEXT = st.lists(SIGNS, min_size=1, max_size=6).map("".join)
RARE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6)
ANY = st.one_of(TEXT, RARE)


def has_words(book: Book, text: str) -> bool:
    """What search promises, worked out in Python."""
    parts = [book.title, book.subtitle, *book.author_names, *book.subjects]
    words = {word for part in parts for word in normalise(part).split()}
    return set(normalise(text).split()) <= words


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(
    shelf=st.lists(st.tuples(ANY, ANY, st.lists(ANY, max_size=2), st.lists(ANY, max_size=2)), min_size=1, max_size=5),
    asked=st.lists(ANY, min_size=1, max_size=8),
)
def test_every_database_finds_the_books_that_have_the_words(
    db: None, shelf: list[tuple[str, str, list[str], list[str]]], asked: list[str]
) -> None:
    Book.objects.all().delete()
    writing.add_many(
        [
            {"title": title, "subtitle": subtitle, "author_names": [*dict.fromkeys(names)], "subjects": subjects}
            for title, subtitle, names, subjects in shelf
        ]
    )
    books = list(Book.objects.all())
    asked += [part for title, subtitle, names, subjects in shelf for part in (title, subtitle, *names, *subjects)]
    for text in asked:
        if normalise(text):
            assert set(Book.objects.matching(text)) == {book for book in books if has_words(book, text)}, text
            assert set(Book.objects.by_author(text)) == {
                book for book in books if normalise(text) in map(normalise, book.author_names)
            }, text
            assert set(Book.objects.about(text)) == {
                book for book in books if normalise(text) in map(normalise, book.subjects)
            }, text


@pytest.fixture
def whales(shelve: Shelve) -> None:
    """Books about whales, the most relevant ones the oldest."""
    for age, (title, subtitle) in enumerate(
        [
            ("The Sea", "About a white whale"),
            ("Of a White Whale", ""),
            ("White Whales", "A white whale again"),
            ("White whale hunting", ""),
            ("WHITE WHALE!", ""),
            ("White whale", "older"),
        ]
    ):
        shelve(title, subtitle=subtitle, subjects=["Cetacea"], created_at=NOON - timedelta(days=age))


def test_the_best_title_comes_first_and_the_newest_among_equals(visitor: Client, whales: None) -> None:
    assert titles(visitor.get(f"{BOOKS}?search=white+whale")) == [
        "WHITE WHALE!",
        "White whale",
        "White whale hunting",
        "Of a White Whale",
        "The Sea",
        "White Whales",
    ]


def test_another_ordering_sorts_all_that_is_found(visitor: Client, whales: None, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen")
    found = titles(visitor.get(f"{BOOKS}?search=cetacea&ordering=-created_at"))
    assert found[0] == "The Sea"
    assert len(found) == 6


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_search_is_walked_both_ways(visitor: Client, whales: None, size: int) -> None:
    url, last = f"{BOOKS}?search=white+whale&page_size={size}", ""
    pages = walk(visitor, url)
    assert sum(map(len, pages)) == 6
    while url:
        last, url = url, visitor.get(url).json()["next"]
    assert walk(visitor, last, "previous") == pages[::-1]


def test_a_search_goes_on_behind_a_book_that_is_gone(visitor: Client, whales: None) -> None:
    pages = walk(visitor, f"{BOOKS}?search=white+whale&page_size=2")
    second = visitor.get(f"{BOOKS}?search=white+whale&page_size=2").json()["next"]
    Book.objects.filter(pk__in=pages[0]).delete()
    assert walk(visitor, second) == pages[1:]


def test_a_common_word_is_ranked_within_bounds_that_no_exact_title_falls_out_of(
    visitor: Client, shelve: Shelve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "MAX_CANDIDATES", 5)
    monkeypatch.setattr(ranking, "MAX_TITLED", 3)
    for age in range(12):
        shelve("Whale" if age > 7 else f"A whale {age}", created_at=NOON - timedelta(days=age))
    pages = walk(visitor, f"{BOOKS}?search=whale&page_size=3")
    found = [book for page in pages for book in page]
    assert len(found) == len(set(found)) == 8
    assert titles(visitor.get(f"{BOOKS}?search=whale"))[:4] == ["Whale", "Whale", "Whale", "A whale 0"]
    assert len(titles(visitor.get(f"{BOOKS}?search=whale&ordering=title"))) == 12


@pytest.mark.parametrize(
    "text", ["moby melville", "MOBY-DICK", "dïck", "whaling sea", "the whale", "melville herman", "1851x"]
)
def test_words_are_found_wherever_they_stand(visitor: Client, shelve: Shelve, text: str) -> None:
    shelve("Moby-Dick", "Herman Melville", subtitle="Or, the Whale", subjects=["Whaling", "Sea stories", "1851x"])
    shelve("Emma", "Jane Austen", description="Moby Dick, the whale, and 1851x are not what this is about")
    assert titles(visitor.get(BOOKS, {"search": text})) == ["Moby-Dick"]


@pytest.mark.parametrize("text", ["mob", "moby emma", "whale", "zzz", "moby & dick | !ahab:*", "dick ahab"])
def test_all_words_must_occur_as_they_are(visitor: Client, shelve: Shelve, text: str) -> None:
    shelve("Moby-Dick", "Herman Melville")
    assert titles(visitor.get(BOOKS, {"search": text})) == []


@pytest.mark.parametrize("text", ["!!!", "…", "🐋", "x" * 201, "a\0b", "\"'"])
def test_a_search_has_a_word_and_at_most_200_characters(visitor: Client, db: None, text: str) -> None:
    assert problems(visitor.get(BOOKS, {"search": text})) == {"search": "invalid"}
    assert problems(visitor.get(AUTHORS, {"search": text})) == {"search": "invalid"}


def test_an_empty_search_is_none(visitor: Client, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen")
    assert titles(visitor.get(f"{BOOKS}?search=")) == titles(visitor.get(f"{BOOKS}?search=+")) == ["Emma"]


def test_search_and_filters_go_together(visitor: Client, whales: None, shelve: Shelve) -> None:
    shelve("White whale", "Ann Other", language="de", published_year=1990)
    assert titles(visitor.get(f"{BOOKS}?search=whale&language=de&published_from=1980")) == ["White whale"]
    assert titles(visitor.get(f"{BOOKS}?search=whale&language=fr")) == []


def test_authors_are_found_by_words_of_their_names(visitor: Client, db: None) -> None:
    Author.objects.bulk_create([Author(name=name) for name in ("Ursula K. Le Guin", "Émile Zola", "Zola Budd")])
    for text, found in (("le guin", ["Ursula K. Le Guin"]), ("ZÓLA", ["Émile Zola", "Zola Budd"]), ("emil", [])):
        results = visitor.get(AUTHORS, {"search": text}).json()["results"]
        assert [author["name"] for author in results] == found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL looks after its own index.")
def test_the_index_of_words_follows_every_write(shelve: Shelve) -> None:
    emma, gone = shelve("Emma", "Jane Austen"), shelve("Gone", "Nobody")
    writing.change(emma, title="Persuasion")
    gone.delete()
    with connection.cursor() as cursor:
        # Raises when the index and the table tell different stories (https://sqlite.org/fts5.html, section 6.4).
        cursor.execute("INSERT INTO books_book_words (books_book_words, rank) VALUES ('integrity-check', 1)")


def test_a_subject_is_looked_up_whole(shelve: Shelve) -> None:
    """However many books have its words: they are never read to see whether they have it as a subject."""
    sea = shelve("Moby-Dick", subjects=["The Sea -- Fiction", "Whales"])
    shelve("The sea, fiction", subjects=["Sea", "Fiction"])
    assert list(Book.objects.about("the sea: FICTION")) == [sea]
    assert not Book.objects.about("sea fiction").exists()
    assert "words" not in str(Book.objects.about("sea").query.where)
    longest = "\N{CJK UNIFIED IDEOGRAPH-8A9E}" * 300
    assert list(Book.objects.about(longest)) == []
    chinese = shelve(subjects=[longest, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 300])
    assert list(Book.objects.about(longest)) == [chinese]


def test_books_from_before_subjects_had_marks_are_given_them(shelve: Shelve, monkeypatch: pytest.MonkeyPatch) -> None:
    old = importlib.import_module("books.migrations.0004_marks_of_subjects")
    books = [shelve(f"Moby {number}", subjects=["The Sea", "Whales"]) for number in range(5)]
    shelve("Bare")
    said = Book.objects.get(pk=books[0].pk).words
    Book.objects.update(words=" moby | |herman melville| ;the sea;;whales;")
    assert not Book.objects.about("the sea").exists()
    monkeypatch.setattr(old, "PORTION", 2)
    old.forwards(apps, connection.schema_editor())
    assert set(Book.objects.about("the sea")) == set(books)
    assert Book.objects.get(pk=books[0].pk).words == said
