"""Conditional requests: entity tags, If-Match and If-None-Match (RFC 9110 section 13)."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from books.exceptions import PreconditionFailed


def digest(*parts: Any) -> str:
    """A strong entity tag of a response made from `parts`; their reprs must differ whenever the response does."""
    return f'"{blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names `etag`; weak comparison (section 13.1.2)."""
    sent = request.META.get("HTTP_IF_NONE_MATCH")
    if sent is None:
        return False
    tags = parse_etags(sent)
    return "*" in tags or etag in (tag.removeprefix("W/") for tag in tags)


def require_match(request: Request, etag: str) -> None:
    """Raise PreconditionFailed if If-Match was sent without `etag`, or If-None-Match with it.

    If-Match takes the strong comparison (section 13.1.1): a weak tag matches nothing.
    """
    wanted = request.META.get("HTTP_IF_MATCH")
    if wanted is not None and not {"*", etag} & set(parse_etags(wanted)):
        raise PreconditionFailed
    if is_known(request, etag):
        raise PreconditionFailed


class ConditionalView(APIView):
    """A view whose responses carry an entity tag."""

    def answer(self, request: Request, etag: str, make: Callable[[], Any], **how: Any) -> Response:
        """The response with the body that `make` returns; 304, without calling it, when the client has that body.

        A page of the browsable API is another representation, whose forms depend on the caller: it has no entity tag,
        and its forms send the tag of the data as If-Match.
        """
        if isinstance(request.accepted_renderer, BrowsableAPIRenderer):
            page = Response(make(), **how)
            setattr(page, "shown_etag", etag)  # noqa: B010 - for the renderer; unknown to type checkers
            return page
        headers = {**how.pop("headers", {}), "ETag": etag}
        if request.method in ("GET", "HEAD") and is_known(request, etag):
            return Response(status=304, headers=headers)
        return Response(make(), headers=headers, **how)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Set the default Cache-Control: no shared caches, and browsers revalidate each time."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "private, no-cache")
        return final
