"""Importing well-formed files: which columns are read, which book a row is, and what changes."""

from decimal import Decimal
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from books.models import Author, Authorship, Book
from tests.books.conftest import Shelve
from tests.books.importing import import_file, import_text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fast_paths")]

EMMA = "9780141439587"
MOBY = "9780142437247"
HEAD = "isbn,title,authors,published_year,rating\n"


def only_book() -> Book:
    return Book.objects.get()


def test_every_field_has_a_column_of_its_name(tmp_path: Path) -> None:
    text = (
        "isbn,Title, SUBTITLE ,authors,publisher,published_year,language,page_count,rating,subjects,description\n"
        "0-14-143958-0,Emma,A  Novel,Jane Austen; A. Friend,Penguin,1815,eng,474,4.05,Fiction; England,"
        '"Handsome,\r\nclever"\n'
    )
    assert import_text(tmp_path, text).happened == {"created": 1}
    book = only_book()
    assert (book.isbn, book.title, book.subtitle) == (EMMA, "Emma", "A Novel")
    assert book.author_names == ["Jane Austen", "A. Friend"]
    assert (book.publisher, book.published_year, book.language) == ("Penguin", 1815, "en")
    assert (book.page_count, book.rating, book.subjects) == (474, Decimal("4.05"), ["Fiction", "England"])
    assert (book.description, book.added_by, book.version) == ("Handsome,\nclever", None, 1)
    assert list(book.authorship_set.values_list("author__name", "position")) == [("Jane Austen", 0), ("A. Friend", 1)]


def test_an_imported_book_is_found_by_its_words(tmp_path: Path) -> None:
    import_text(tmp_path, "title,authors\nÉmile,Jean-Jacques Rousseau\n")
    assert Book.objects.matching("emile rousseau").get().title_key == "emile"


def test_unknown_columns_are_ignored_and_named_once(tmp_path: Path) -> None:
    said = import_text(tmp_path, "title,shelf,authors,id\nEmma,A3,Jane Austen,7\nSanditon,A3,Jane Austen,8\n").said
    assert said.count("Ignored columns: shelf, id.") == 1


def test_columns_separators_and_delimiter_can_be_told(tmp_path: Path) -> None:
    text = "Titel\tAutor\ttags\nEmma\tAusten, Jane|Friend, A.\tnovel/england\n"
    options = ("--map", "title=titel", "--map", "authors=Autor", "--map", "subjects=tags", "--delimiter", r"\t")
    import_text(tmp_path, text, *options, "--separator", "authors=|", "--separator", "subjects=/")
    assert only_book().author_names == ["Austen, Jane", "Friend, A."]
    assert only_book().subjects == ["novel", "england"]


def test_several_columns_can_be_mapped_to_one_field(tmp_path: Path) -> None:
    options = ("--map", "isbn=ten", "--map", "isbn=thirteen")
    import_text(tmp_path, f"title,authors,ten,thirteen\nEmma,Jane Austen,,{EMMA}\n", *options)
    assert only_book().isbn == EMMA


@pytest.mark.parametrize("encoding, name", [("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16", "UTF-16")])
def test_encodings_and_byte_order_marks(tmp_path: Path, encoding: str, name: str) -> None:
    import_text(tmp_path, "title,authors\nDéjà Dead,Kathy Reichs\n".encode(encoding), "--encoding", name)
    assert only_book().title == "Déjà Dead"


def test_a_minus_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"title,authors\nEmma,Jane Austen\n")))
    assert import_file("-").happened == {"created": 1}


def test_running_twice_changes_nothing(tmp_path: Path) -> None:
    text = HEAD + f"{EMMA},Emma,Jane Austen,1815,4.05\n,Sanditon,Jane Austen,,3.5\n,Ilias,Homer,-750,\n"
    assert import_text(tmp_path, text).happened == {"created": 3}
    before = list(Book.objects.values())
    assert import_text(tmp_path, text).happened == {"unchanged": 3}
    assert list(Book.objects.values()) == before


def test_an_update_writes_what_differs_and_moves_the_version_once(tmp_path: Path, shelve: Shelve) -> None:
    book = shelve("Ema", "J. Austen", "A. Friend", isbn=EMMA, publisher="Penguin", description="A novel.")
    shelve("Moby-Dick", isbn=MOBY)
    text = HEAD + f"{EMMA},Emma,A. Friend; Jane Austen,1815,4.05\n{MOBY},Moby-Dick,Herman Melville,,\n"
    assert import_text(tmp_path, text).happened == {"updated": 1, "unchanged": 1}
    old_time = book.updated_at
    book.refresh_from_db()
    assert (book.title, book.title_key, book.author_names) == ("Emma", "emma", ["A. Friend", "Jane Austen"])
    assert (book.publisher, book.description, book.version) == ("Penguin", "A novel.", 2)
    assert book.updated_at > old_time
    assert list(book.authorship_set.values_list("author__name", flat=True)) == ["A. Friend", "Jane Austen"]
    assert Book.objects.matching("emma jane").get() == book
    assert not Book.objects.matching("ema").exists()
    assert Book.objects.get(isbn=MOBY).version == 1


def test_links_are_left_alone_where_authors_are_the_same(tmp_path: Path, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen", isbn=EMMA)
    links = list(Authorship.objects.values())
    import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,1815,\n")
    assert list(Authorship.objects.values()) == links
    assert Author.objects.count() == 1
    book.refresh_from_db()
    assert book.published_year == 1815


def test_what_a_row_leaves_empty_the_book_keeps(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn=EMMA, published_year=1815, rating=Decimal("4.05"))
    assert import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,,many\n").happened == {"unchanged": 1}


def test_without_isbn_a_row_is_the_book_of_its_title_authors_and_year(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", published_year=1815, isbn=EMMA)
    text = HEAD + ",EMMA,Jane Austen,1815,4\n,Emma,Jane Austen,1816,4\n,Emma,J. Austen,1815,4\n"
    assert import_text(tmp_path, text).happened == {"created": 2, "updated": 1}
    assert Book.objects.get(isbn=EMMA).rating == 4


def test_a_book_without_isbn_gets_that_of_its_row(tmp_path: Path, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen", published_year=1815)
    assert import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,1815,\n").happened == {"updated": 1}
    book.refresh_from_db()
    assert book.isbn == EMMA


def test_another_isbn_is_another_edition(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", published_year=1815, isbn=MOBY)
    assert import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,1815,\n").happened == {"created": 1}


def test_a_row_that_repeats_another_is_known_with_and_without_isbn(tmp_path: Path) -> None:
    text = HEAD + f",Emma,Jane Austen,1815,4\n{EMMA},Emma,Jane Austen,1815,5\n{MOBY},Persuasion,Jane Austen,,\n"
    text += ",Persuasion,Jane Austen,,\n"
    assert import_text(tmp_path, text).happened == {"created": 2, "unchanged": 2}
    assert import_text(tmp_path, text).happened == {"unchanged": 4}


def test_the_isbn_of_a_repetition_is_free_for_another_row(tmp_path: Path) -> None:
    text = HEAD + f",Emma,Jane Austen,,\n{EMMA},Emma,Jane Austen,,\n{EMMA},Emma,Jane Austen; A. Friend,1815,\n"
    assert import_text(tmp_path, text).happened == {"created": 2, "unchanged": 1}
    assert import_text(tmp_path, text).happened == {"unchanged": 3}


def test_a_row_that_would_make_its_book_what_an_earlier_row_is_repeats_it(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Ema", "Jane Austen", isbn=EMMA, published_year=1815)
    shelve("Emma", "Jane Austen", isbn=MOBY, published_year=1815)
    text = HEAD + f",Emma,Jane Austen,1815,1\n{EMMA},Emma,Jane Austen,,2\n"
    assert import_text(tmp_path, text).happened == {"unchanged": 1, "updated": 1}
    assert import_text(tmp_path, text).happened == {"unchanged": 2}


def test_two_isbns_are_two_editions_whatever_else_is_the_same(tmp_path: Path) -> None:
    text = HEAD + f"{EMMA},Emma,Jane Austen,1815,4\n{MOBY},Emma,Jane Austen,1815,4\n"
    assert import_text(tmp_path, text).happened == {"created": 2}
    assert import_text(tmp_path, text).happened == {"unchanged": 2}


def test_a_book_without_isbn_comes_before_one_that_may_have_a_row_of_its_own(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn=EMMA)
    bare = shelve("Emma", "Jane Austen")
    import_text(tmp_path, HEAD + ",Emma,Jane Austen,,4\n")
    bare.refresh_from_db()
    assert bare.rating == 4


def test_a_book_stands_for_one_row_of_a_file(tmp_path: Path) -> None:
    text = HEAD + (
        f"{EMMA},Emma,Jane Austen,1815,4\n"
        f"{EMMA},emma,Jane Austen,1816,5\n"
        f"{EMMA},Persuasion,Jane Austen,1817,5\n"
        ",Sanditon,Jane Austen,,4\n"
        ",Sanditon,Jane Austen,,5\n"
    )
    first = import_text(tmp_path, text)
    assert first.happened == {"created": 2, "unchanged": 2, "rejected": 1}
    assert first.reasons == {4: f"isbn: {EMMA} is that of another book in line 2."}
    assert "earlier row of the file is the same book: 2 (first in line 3)" in first.said
    assert {book.rating for book in Book.objects.all()} == {Decimal(4)}
    assert import_text(tmp_path, text).happened == {"unchanged": 4, "rejected": 1}


def test_a_book_that_one_row_found_by_its_title_is_not_renamed_by_another(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn=EMMA)
    text = HEAD + f",Emma,Jane Austen,,\n{EMMA},Sanditon,Jane Austen,,\n"
    assert import_text(tmp_path, text).happened == {"unchanged": 1, "rejected": 1}
    assert only_book().title == "Emma"


def test_rows_that_swap_titles_by_isbn_are_each_their_book(tmp_path: Path, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn=EMMA)
    text = HEAD + f"{EMMA},Sanditon,Jane Austen,,\n,Emma,Jane Austen,,\n"
    assert import_text(tmp_path, text).happened == {"created": 1, "updated": 1}
    assert import_text(tmp_path, text).happened == {"unchanged": 2}


def test_the_sample_catalogue_is_imported_whole() -> None:
    sample = Path(__file__).parents[2] / "books" / "sample_catalogue.csv"
    first = import_file(sample)
    assert first.happened == {"created": 108}
    assert "left out" not in first.said
    assert "cut" not in first.said
    assert import_file(sample).happened == {"unchanged": 108}
