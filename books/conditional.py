"""Has it changed since they last looked? Conditional requests of RFC 9110 section 13."""

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
    """A strong entity tag for an answer made of `parts`, whose reprs tell all that matters of them."""
    return f'"{blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names `etag`; weak comparison, as section 13.1.2 wants."""
    sent = request.META.get("HTTP_IF_NONE_MATCH")
    if sent is None:
        return False
    tags = parse_etags(sent)
    return "*" in tags or etag in (tag.removeprefix("W/") for tag in tags)


def require_match(request: Request, etag: str) -> None:
    """Raise PreconditionFailed where If-Match was sent and does not name `etag`, or If-None-Match does.

    The comparison for If-Match is strong, as section 13.1.1 wants: a weak tag matches nothing.
    """
    wanted = request.META.get("HTTP_IF_MATCH")
    if wanted is not None and not {"*", etag} & set(parse_etags(wanted)):
        raise PreconditionFailed
    if is_known(request, etag):
        raise PreconditionFailed


class ConditionalView(APIView):
    """A view whose answers carry an entity tag."""

    def answer(self, request: Request, etag: str, make: Callable[[], Any], **how: Any) -> Response:
        """The answer that `make` makes; 304, without making it, when the client has it already.

        A page of the browsable API is another representation, with forms that depend on who looks: it has no tag. Its
        forms send that of what they show as If-Match.
        """
        if isinstance(request.accepted_renderer, BrowsableAPIRenderer):
            page = Response(make(), **how)
            setattr(page, "shown_etag", etag)  # noqa: B010 - for the renderer; not an attribute that type checkers know
            return page
        headers = {**how.pop("headers", {}), "ETag": etag}
        if request.method in ("GET", "HEAD") and is_known(request, etag):
            return Response(status=304, headers=headers)
        return Response(make(), headers=headers, **how)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """No shared cache keeps an answer, and a browser asks each time whether its copy is still right."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "private, no-cache")
        return final
