"""ETag, If-None-Match and If-Match: RFC 9110 section 13."""

import html
import re

import pytest
from rest_framework.test import APIRequestFactory

from books.models import Author, Book
from books.views import BookViewSet
from tests.books.conftest import AUTHORS, BOOKS, Shelve
from tests.conftest import Client

EMMA = {"title": "Emma", "authors": ["Jane Austen"]}


@pytest.fixture
def emma(uma: Client, db: None) -> str:
    """The address of a book of Uma's."""
    return str(uma.post(BOOKS, EMMA)["Location"])


def test_every_answer_about_a_book_has_the_same_strong_tag(uma: Client, visitor: Client, db: None) -> None:
    added = uma.post(BOOKS, EMMA)
    read = visitor.get(added["Location"])
    assert added["ETag"] == read["ETag"]
    assert re.fullmatch(r'"[^"]+"', read["ETag"])
    changed = uma.patch(added["Location"], {"title": "Emma II"})
    assert changed["ETag"] == visitor.get(added["Location"])["ETag"] != read["ETag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x",W/{}', "*"])
def test_who_has_it_already_is_told_so(visitor: Client, emma: str, form: str) -> None:
    for url in (emma, BOOKS, AUTHORS, f"{AUTHORS}{Author.objects.get().pk}/", f"{BOOKS}?search=emma"):
        tag = visitor.get(url)["ETag"]
        response = visitor.get(url, headers={"If-None-Match": form.format(tag)})
        assert response.status_code == 304, url
        assert response.content == b""
        assert response["ETag"] == tag
        assert response["Cache-Control"] == "private, no-cache"
        assert visitor.head(url, headers={"If-None-Match": form.format(tag)}).status_code == 304


def test_a_server_may_leave_out_an_empty_query_string(emma: str) -> None:
    """PEP 3333: it may be absent where it would be empty."""
    request = APIRequestFactory().get(BOOKS)
    del request.META["QUERY_STRING"]
    response = BookViewSet.as_view({"get": "list"})(request)
    assert (response.status_code, len(response.data["results"])) == (200, 1)


def test_a_missing_book_is_told_of_in_the_same_words_whatever_is_asked(ada: Client, emma: str) -> None:
    url = f"{BOOKS}{Book.objects.get().pk + 1}/"
    read, deleted = ada.get(url), ada.delete(url)
    assert (read.status_code, deleted.status_code) == (404, 404)
    assert read.json()["detail"] == deleted.json()["detail"]


@pytest.mark.parametrize("tags", ['"x"', "", "x", 'W/"x"', "{}-", '"*"', "é"])
def test_who_has_something_else_gets_it(visitor: Client, emma: str, tags: str) -> None:
    assert visitor.get(emma, headers={"If-None-Match": tags}).status_code == 200


def test_a_page_has_another_tag_once_anything_on_it_changes(uma: Client, emma: str, shelve: Shelve) -> None:
    tags = [uma.get(BOOKS)["ETag"]]
    uma.patch(emma, {"rating": 4.5})
    tags.append(uma.get(BOOKS)["ETag"])
    other = shelve("Persuasion", "Jane Austen")
    tags.append(uma.get(BOOKS)["ETag"])
    other.delete()
    assert uma.get(BOOKS)["ETag"] == tags[1]
    tags.append(uma.get(f"{BOOKS}?page_size=1")["ETag"])
    shelve("Persuasion", "Jane Austen")
    tags.append(uma.get(f"{BOOKS}?page_size=1")["ETag"])
    assert len(set(tags)) == len(tags)


def test_a_page_that_gets_a_next_one_has_another_tag(visitor: Client, shelve: Shelve) -> None:
    shelve("Newest")
    before = visitor.get(f"{BOOKS}?page_size=1&ordering=created_at")["ETag"]
    shelve("Newer still")
    assert visitor.get(f"{BOOKS}?page_size=1&ordering=created_at")["ETag"] != before


@pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_write_on_the_state_one_knows_succeeds(uma: Client, emma: str, form: str, method: str) -> None:
    tag = uma.get(emma)["ETag"]
    response = getattr(uma, method)(emma, EMMA, headers={"If-Match": form.format(tag)})
    assert response.status_code == (204 if method == "delete" else 200)


@pytest.mark.parametrize("tags", ['"x"', "W/{}", "", "garbage", '"*"', "{}-", '"x", W/{}'])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_write_on_another_state_changes_nothing(uma: Client, emma: str, tags: str, method: str) -> None:
    before = uma.get(emma)
    response = getattr(uma, method)(emma, EMMA | {"title": "Lost"}, headers={"If-Match": tags.format(before["ETag"])})
    assert response.status_code == 412
    assert response.json()["code"] == "precondition_failed"
    assert uma.get(emma).json() == before.json()


def test_the_first_of_two_writers_wins_and_the_second_is_told(uma: Client, ada: Client, emma: str) -> None:
    tag = uma.get(emma)["ETag"]
    assert ada.patch(emma, {"title": "First"}, headers={"If-Match": tag}).status_code == 200
    assert uma.patch(emma, {"title": "Second"}, headers={"If-Match": tag}).status_code == 412
    assert Book.objects.get().title == "First"


def test_a_write_unless_it_is_there_is_refused(uma: Client, emma: str) -> None:
    assert uma.put(emma, EMMA, headers={"If-None-Match": "*"}).status_code == 412


def test_what_is_not_there_stays_404(ada: Client, db: None) -> None:
    for method in ("put", "patch", "delete"):
        assert getattr(ada, method)(f"{BOOKS}7/", EMMA, headers={"If-Match": "*"}).status_code == 404


def test_who_may_not_is_not_told_about_states(ulf: Client, visitor: Client, emma: str) -> None:
    assert ulf.delete(emma, headers={"If-Match": '"stale"'}).status_code == 403
    assert visitor.delete(emma, headers={"If-Match": '"stale"'}).status_code == 401


def test_nothing_is_kept_by_shared_caches(visitor: Client, uma: Client, emma: str) -> None:
    for response in (visitor.get(BOOKS), visitor.get(emma), uma.patch(emma, {})):
        assert response["Cache-Control"] == "private, no-cache"
    assert visitor.get(f"{BOOKS}999/")["Cache-Control"] == "no-store"


def test_a_page_of_the_browsable_api_is_made_anew_for_everybody(uma: Client, visitor: Client, emma: str) -> None:
    for url in (emma, BOOKS):
        page = visitor.get(url, headers={"Accept": "text/html", "If-None-Match": "*"})
        assert page.status_code == 200
        assert page["Content-Type"].startswith("text/html")
        assert "ETag" not in page


def test_a_page_of_the_browsable_api_names_the_tag_that_its_forms_send(uma: Client, emma: str) -> None:
    page = uma.get(emma, headers={"Accept": "text/html"})
    assert "ETag" not in page
    named = re.search(r'data-etag="([^"]+)"', page.content.decode())
    assert named is not None
    tag = html.unescape(named[1])
    assert uma.patch(emma, {"title": "Emma II"}, headers={"If-Match": tag}).status_code == 200
    assert uma.patch(emma, {"title": "Emma III"}, headers={"If-Match": tag}).status_code == 412
    refused = uma.patch(emma, {"title": ""}, headers={"Accept": "text/html"})
    assert "data-etag" not in refused.content.decode(), "what is refused shows no book"
