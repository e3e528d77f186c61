"""How an answer is written is DRF's choice; the glance that spares it most of the time chooses the same."""

from typing import Any

import pytest
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.api import BrowsableAPIRenderer, Negotiation, ProblemAwareJSONRenderer
from tests.conftest import Client

ACCEPTED = [
    None,
    "*/*",
    "application/json",
    "application/json; indent=2",
    "application/*",
    "text/html",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "*/*;q=0.1, text/html",
    " */*",
    "",
    "text/csv",
]
# Alone, among others, with parameters, in capitals: what DRF would choose with JSON in the place of problem JSON.
AS_JSON = [
    "application/problem+json",
    "application/problem+json;q=0.2",
    " Application/Problem+JSON ; q=1.0",
    "application/problem+json; indent=2",
    "text/csv, application/problem+json;q=0.9",
    "text/html;q=0.3, application/problem+json;q=0.9",
    "application/problem+json, application/json",
    "application/problem+json, */*;q=0.1",
    "text/html, application/xhtml+xml",
]


def chosen(negotiation: DefaultContentNegotiation, accept: str | None, suffix: str | None) -> Any:
    """The kind of renderer and the media type, or how it is refused."""
    request = Request(APIRequestFactory().get("/", headers={} if accept is None else {"Accept": accept}))
    renderers = [ProblemAwareJSONRenderer(), BrowsableAPIRenderer()]
    try:
        renderer, media_type = negotiation.select_renderer(request, renderers, suffix)
    except (NotAcceptable, Http404) as refusal:
        return type(refusal)
    return type(renderer), media_type


@pytest.mark.parametrize("accept", ACCEPTED)
@pytest.mark.parametrize("suffix", [None, "json", "xml"])
def test_the_glance_chooses_as_drf_does(accept: str | None, suffix: str | None) -> None:
    assert chosen(Negotiation(), accept, suffix) == chosen(DefaultContentNegotiation(), accept, suffix)


def test_what_nobody_can_write_is_refused() -> None:
    assert chosen(Negotiation(), "text/csv", None) is NotAcceptable


@pytest.mark.parametrize("accept", AS_JSON)
def test_problem_json_is_as_good_as_json(accept: str) -> None:
    as_json = accept.lower().replace("application/problem+json", "application/json")
    renderer, media_type = chosen(Negotiation(), accept, None)
    expected_renderer, expected_type = chosen(DefaultContentNegotiation(), as_json, None)
    assert renderer is expected_renderer
    assert media_type.replace(" ", "") == expected_type.replace(" ", "")


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["application/problem+json", "application/problem+json;q=0.5, text/csv"])
def test_a_client_that_names_problem_json_alone_is_served_everywhere(uma: Client, visitor: Client, accept: str) -> None:
    headers = {"Accept": accept}
    book = uma.post("/api/v1/books/", {"title": "Emma", "authors": ["Jane Austen"]}, headers=headers)
    assert (book.status_code, book["Content-Type"]) == (201, "application/json")
    for path in ("/api/", "/api/v1/", "/api/v1/books/", book.json()["url"], "/api/v1/authors/", "/api/schema/"):
        answer = visitor.get(path, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json"), path
    assert visitor.get("/api/v1/nowhere/", headers=headers).json()["code"] == "not_found"
    assert visitor.delete("/api/v1/books/", headers=headers).json()["code"] == "method_not_allowed"
    signed_out = visitor.post("/api/v1/accounts/sign-out/", {}, headers=headers)
    assert (signed_out.status_code, signed_out["Content-Type"]) == (400, "application/problem+json")
    assert uma.delete(book.json()["url"], headers=headers).status_code == 204


@pytest.mark.django_db
def test_a_browser_still_gets_pages(visitor: Client) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert visitor.get("/api/v1/books/", headers={"Accept": accept})["Content-Type"].startswith("text/html")
