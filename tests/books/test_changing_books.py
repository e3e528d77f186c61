"""Replacing, changing and deleting a book; and what happens to books when accounts and authors change."""

import pytest

from accounts.models import User
from books import writing
from books.models import Author, Authorship, Book
from tests.books.conftest import AUTHORS, BOOKS, Shelve, problems, titles
from tests.conftest import Client

pytestmark = pytest.mark.django_db

EMMA = {
    "isbn": "9780141439587",
    "title": "Emma",
    "authors": ["Jane Austen", "Fiona Stafford"],
    "language": "en",
    "rating": 4.25,
    "subjects": ["Matchmaking"],
}


@pytest.fixture
def emma(uma: Client) -> str:
    """The address of a book of Uma's."""
    return str(uma.post(BOOKS, EMMA)["Location"])


def names_by_link(url: str) -> list[str]:
    links = Authorship.objects.filter(book_id=int(url.rstrip("/").rpartition("/")[2]))
    return [link.author.name for link in links.select_related("author")]


def test_put_replaces_and_what_it_leaves_out_is_empty_again(uma: Client, emma: str) -> None:
    book = uma.put(emma, {"title": "Emma II", "authors": ["Jane Austen"]}).json()
    assert (book["title"], book["authors"]) == ("Emma II", ["Jane Austen"])
    assert (book["isbn"], book["language"], book["rating"], book["subjects"]) == (None, "", None, [])
    assert uma.get(emma).json() == book


def test_put_wants_what_a_book_must_have(uma: Client, emma: str) -> None:
    assert problems(uma.put(emma, {"title": "Emma II"})) == {"#/authors": "required"}


def test_patch_changes_what_it_names(uma: Client, emma: str) -> None:
    before = uma.get(emma).json()
    after = uma.patch(emma, {"rating": None, "subjects": []}).json()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"rating", "subjects", "updated_at"}
    assert uma.get(emma).json() == after


def test_the_order_of_authors_is_theirs_to_change(uma: Client, emma: str) -> None:
    for names in (["Fiona Stafford", "Jane Austen"], ["Jane Austen"], ["Somebody New", "Jane Austen"]):
        assert uma.patch(emma, {"authors": names}).json()["authors"] == names
        assert names_by_link(emma) == names


def test_what_is_refused_changes_nothing(uma: Client, emma: str) -> None:
    before = uma.get(emma)
    assert problems(uma.patch(emma, {"title": "Other", "page_count": "many"})) == {"#/page_count": "invalid"}
    after = uma.get(emma)
    assert (after.json(), after["ETag"]) == (before.json(), before["ETag"])


def test_an_isbn_that_another_book_has_is_a_conflict_and_nothing_changes(uma: Client, emma: str) -> None:
    other = uma.post(BOOKS, {"title": "Persuasion", "authors": ["Jane Austen"]})
    response = uma.patch(other["Location"], {"isbn": "0141439580", "title": "Stolen", "authors": ["Thief"]})
    assert response.status_code == 409
    assert response.json()["code"] == "isbn_taken"
    assert uma.get(other["Location"]).json() == other.json()
    assert names_by_link(other["Location"]) == ["Jane Austen"]


def test_a_book_keeps_its_own_isbn(uma: Client, emma: str) -> None:
    assert uma.patch(emma, {"isbn": "0-14-143958-0"}).status_code == 200


def test_a_deleted_book_is_gone_from_everywhere(uma: Client, emma: str) -> None:
    assert uma.delete(emma).status_code == 204
    assert uma.get(emma).status_code == 404
    assert titles(uma.get(f"{BOOKS}?search=emma")) == []
    assert uma.delete(emma).status_code == 404
    assert uma.post(BOOKS, EMMA).status_code == 201


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("pk", ["999999", "9" * 18, "9" * 30, "abc", "0", "-1", "1.5", "%00", "१"])
def test_a_book_that_is_not_there_is_404(ada: Client, method: str, pk: str) -> None:
    response = getattr(ada, method)(f"{BOOKS}{pk}/")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_every_write_moves_the_version_by_one(uma: Client, emma: str) -> None:
    for version in (2, 3, 4):
        response = uma.patch(emma, {"title": f"Emma {version}"})
        assert response["ETag"].endswith(f'-{version}"')
        assert Book.objects.get().version == version


def test_a_write_is_found_by_its_new_words_at_once(uma: Client, emma: str) -> None:
    uma.patch(emma, {"title": "Clueless", "authors": ["Amy Heckerling"], "subjects": ["Film"]})
    assert titles(uma.get(f"{BOOKS}?search=emma")) == titles(uma.get(f"{BOOKS}?author=jane+austen")) == []
    for query in ("search=clueless+heckerling+film", "author=amy+heckerling", "subject=film"):
        assert titles(uma.get(f"{BOOKS}?{query}")) == ["Clueless"]


def test_a_deleted_account_leaves_its_books_behind(uma: Client, emma: str) -> None:
    before = uma.get(emma)
    User.objects.get(pk=uma.sub).delete()
    after = uma.get(emma, headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200, "the old copy still names somebody who is gone"
    assert after.json()["added_by"] is None
    assert after.json()["title"] == "Emma"


def test_an_author_with_a_new_name_has_it_in_every_book(uma: Client, emma: str, shelve: Shelve) -> None:
    other = shelve("Persuasion", "Jane Austen")
    before = uma.get(emma)["ETag"]
    writing.rename(Author.objects.get(name="Jane Austen"), "J. Austen")
    assert uma.get(emma).json()["authors"] == ["J. Austen", "Fiona Stafford"]
    assert uma.get(emma)["ETag"] != before
    assert uma.get(f"{BOOKS}{other.pk}/").json()["authors"] == ["J. Austen"]
    assert titles(uma.get(f"{BOOKS}?author=j.+austen&ordering=title")) == ["Emma", "Persuasion"]
    assert titles(uma.get(f"{BOOKS}?author=jane+austen")) == []
    assert [author["name"] for author in uma.get(f"{AUTHORS}?search=austen").json()["results"]] == ["J. Austen"]


def test_saving_some_columns_keeps_what_is_worked_out_from_them(shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen")
    book.title = "Persuasion"
    book.save(update_fields=["title"])
    assert list(Book.objects.matching("persuasion")) == [book]
    assert Book.objects.get().title_key == "persuasion"


def test_books_saved_in_bulk_are_found_too(db: None) -> None:
    Book.objects.bulk_create([Book(isbn="9780141439587", title="Emma", author_names=["Jane Austen"])])
    again = Book(isbn="9780141439587", title="Clueless", author_names=["Jane Austen"])
    Book.objects.bulk_create(
        [again], update_conflicts=True, unique_fields=["isbn"], update_fields=["title", "title_key", "words"]
    )
    assert [book.title for book in Book.objects.matching("clueless austen")] == ["Clueless"]
    assert not Book.objects.matching("emma").exists()
