"""Whatever a client sends as a book, it is kept as promised or refused with a reason. Never a 500."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books.models import Book
from tests.books.conftest import BOOKS
from tests.conftest import Client

pytestmark = pytest.mark.django_db
often = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=200
)

TEXT = st.text(max_size=40)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)
NAMES = st.one_of(ANYTHING, st.lists(TEXT, max_size=4))
MEMBERS = {
    "isbn": st.one_of(ANYTHING, st.just("9780141439587")),
    "title": ANYTHING,
    "subtitle": ANYTHING,
    "authors": NAMES,
    "publisher": ANYTHING,
    "published_year": ANYTHING,
    "language": st.one_of(ANYTHING, st.sampled_from(["en", "pt-br", "x-y", "zz", "en-x"])),
    "page_count": ANYTHING,
    "rating": st.one_of(ANYTHING, st.floats(0, 5), st.decimals(0, 5, places=2).map(float)),
    "subjects": NAMES,
    "description": ANYTHING,
}
GOOD = {"title": "Emma", "authors": ["Jane Austen"]}


@pytest.fixture
def emma(uma: Client) -> str:
    return str(uma.post(BOOKS, GOOD)["Location"])


@often
@given(book=st.fixed_dictionaries({}, optional=MEMBERS), good=st.booleans())
def test_a_book_of_anything(uma: Client, emma: str, book: dict[str, Any], good: bool) -> None:
    Book.objects.exclude(title="Emma").delete()
    sent = {**GOOD, "title": "Other", **book} if good else book
    body = json.dumps(sent)
    response = uma.post(BOOKS, body, content_type="application/json")
    if response.status_code == 201:
        kept = uma.get(response["Location"]).json()
        assert kept == response.json()
        for name in ("title", "subtitle", "publisher", "description"):
            assert kept[name] == sent.get(name, "").strip()
        for name in ("rating", "page_count", "published_year"):
            assert kept[name] == sent.get(name)
        assert kept["authors"] == [name.strip() for name in sent["authors"]]
    else:
        assert response.status_code in (400, 409), response.content
        assert response.json()["code"] in ("invalid", "isbn_taken")


@often
@given(change=st.fixed_dictionaries({}, optional=MEMBERS))
def test_a_change_of_anything(uma: Client, emma: str, change: dict[str, Any]) -> None:
    before = uma.get(emma).json()
    response = uma.patch(emma, json.dumps(change), content_type="application/json")
    assert response.status_code in (200, 400), response.content
    after = uma.get(emma).json()
    if response.status_code == 400:
        assert after == before
    else:
        assert {name for name in before if before[name] != after[name]} <= {*change, "updated_at"}


@often
@given(body=st.binary(max_size=60))
def test_a_body_of_any_bytes(uma: Client, emma: str, body: bytes) -> None:
    assert uma.post(BOOKS, body, content_type="application/json").status_code == 400


@often
@given(tags=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_a_condition_of_any_text(uma: Client, emma: str, tags: str) -> None:
    headers = {"If-Match": tags, "If-None-Match": tags}
    assert uma.get(emma, headers=headers).status_code in (200, 304)
    assert uma.patch(emma, {}, headers=headers).status_code == 412


def test_a_body_over_the_limit_is_too_large(uma: Client, emma: str) -> None:
    response = uma.post(BOOKS, GOOD | {"description": "x" * 1024 * 1024})
    assert response.status_code == 413
    assert response.json()["code"] == "too_large"


def test_another_media_type_is_refused(uma: Client, emma: str) -> None:
    response = uma.post(BOOKS, "title=Emma", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415
