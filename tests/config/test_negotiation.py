"""How an answer is written is DRF's choice; the glance that spares it most of the time chooses the same."""

from typing import Any

import pytest
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.api import BrowsableAPIRenderer, Negotiation, ProblemAwareJSONRenderer

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
    "application/problem+json",
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
