"""Every error is one a client can act on: an RFC 9457 problem with the right status and a stable code."""

import json

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books.views import BookViewSet
from config import problems
from tests.conftest import Client

BOOKS = "/api/v1/books/"
BOOK = {"title": "Emma", "authors": ["Jane Austen"]}
MEMBERS = {"type", "title", "status", "detail", "code", "instance", "request_id"}

pytestmark = pytest.mark.django_db


def test_an_unknown_path_is_a_problem(visitor: Client) -> None:
    response = visitor.get("/api/v1/nowhere/?token=secret")
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert set(body) == MEMBERS
    assert (body["status"], body["code"], body["title"]) == (404, "not_found", "Not Found")
    assert body["instance"] == "/api/v1/nowhere/"


def test_a_forgotten_slash_is_pointed_out(visitor: Client) -> None:
    assert "/api/v1/books/" in visitor.get("/api/v1/books").json()["detail"]
    assert "slash" not in visitor.get("/api/v1/nowhere").json()["detail"]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_unknown_path_is_not_found_by_any_method(method: str, ada: Client) -> None:
    assert getattr(ada, method)("/api/v1/nowhere/").status_code == 404


def test_a_method_that_is_not_offered(visitor: Client, ada: Client) -> None:
    for client in (visitor, ada):
        response = client.delete(BOOKS)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert "DELETE" not in response["Allow"]


def test_a_representation_that_is_not_offered(visitor: Client) -> None:
    response = visitor.get(BOOKS, headers={"Accept": "application/xml"})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "multipart/form-data; boundary=x"])
def test_a_body_that_is_not_json(content_type: str, uma: Client) -> None:
    response = uma.post(BOOKS, "title=Emma", content_type=content_type)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"title": NaN}', b"\xff\xfe", b'{"title": "\\ud800"}', b"[" * 100_000, b"", b'"Emma"', b"[]", b"null"],
    ids=["cut off", "NaN", "not UTF-8", "half a pair", "too deep", "empty", "a string", "a list", "null"],
)
def test_a_body_that_is_no_object(body: bytes, uma: Client) -> None:
    response = uma.post(BOOKS, body, content_type="application/json")
    answer = response.json()
    assert (response.status_code, answer["code"]) == (400, "invalid")
    assert answer["errors"]
    assert all(error["pointer"].startswith("#") for error in answer["errors"])


def test_each_error_points_at_its_place(uma: Client) -> None:
    body = {"title": 5, "authors": ["Jane Austen", 7], "isbn": "9780000000000"}
    answer = uma.post(BOOKS, body).json()
    assert answer["code"] == "invalid"
    assert {error["pointer"] for error in answer["errors"]} == {"#/title", "#/authors/1", "#/isbn"}
    assert all(error["detail"].endswith(".") and error["code"] for error in answer["errors"])


def test_a_wrong_parameter_is_named(visitor: Client) -> None:
    answer = visitor.get(BOOKS, {"ordering": "colour", "page_size": "0"}).json()
    assert answer["code"] == "invalid"
    assert "ordering" in {error["parameter"] for error in answer["errors"]}
    assert not any("pointer" in error for error in answer["errors"])


def test_a_body_over_a_mebibyte_is_too_large(uma: Client) -> None:
    body = json.dumps({**BOOK, "description": "x" * 1024 * 1024})
    response = uma.post(BOOKS, body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_fault_of_ours_is_logged_and_not_told(
    visitor: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(BookViewSet, "list", broken)
    response = visitor.get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert set(response.json()) == MEMBERS
    assert "swordfish" not in response.content.decode()
    assert "RuntimeError in /api/v1/books/" in caplog.text


@pytest.mark.parametrize(
    "view, status, code",
    [
        (problems.bad_request, 400, "invalid"),
        (problems.permission_denied, 403, "permission_denied"),
        (problems.not_found, 404, "not_found"),
        (problems.server_error, 500, "internal_error"),
    ],
)
def test_what_goes_wrong_outside_of_a_view_is_a_problem_under_the_api_and_a_page_elsewhere(
    view: "problems.ErrorView", status: int, code: str
) -> None:
    arguments = [] if status == 500 else [ValueError()]
    response = view(RequestFactory().get("/api/v1/books/"), *arguments)
    assert response.status_code == status
    assert json.loads(response.content)["code"] == code
    page = view(RequestFactory().get("/somewhere/"), *arguments)
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")


def test_an_error_in_a_browser_is_a_page(visitor: Client) -> None:
    response = visitor.get("/api/v1/books/0/", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["isbn", "title", "subtitle", "authors", "publisher", "published_year", "language", "page_count", "rating"]
) | st.sampled_from(["subjects", "description"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | st.fixed_dictionaries({"title": st.text()}, optional={}) | st.dictionaries(FIELDS, JSON, max_size=5))
def test_no_body_is_answered_with_a_fault_of_ours(uma: Client, body: object) -> None:
    response = uma.post(BOOKS, json.dumps(body).encode("utf-8", "surrogatepass"), content_type="application/json")
    assert response.status_code in (201, 400, 409)
