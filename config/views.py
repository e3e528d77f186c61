"""The views that belong to no app: where everything is, and where nothing is."""

from typing import Any

from django.urls import Resolver404, resolve
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from config.api import ReadersOnly


class ApiRoot(APIView):
    """Where everything is."""

    name = "Cognito Books"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Links to what the API offers."""
        names = {"books": "book-list", "authors": "author-list", "schema": "schema", "docs": "docs"}
        return Response({name: reverse(view, request=request) for name, view in names.items()})


class UnknownPath(APIView):
    """Any other path under /api/: bad credentials are told so first, as everywhere."""

    name = "Nothing here"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request, **_: Any) -> Response:
        """Raises NotFound; says so when only the last slash is missing."""
        with_slash = f"{request.path_info}/"
        try:
            known = resolve(with_slash).url_name != "unknown-path"
        except Resolver404:
            known = False
        hint = f" Paths end with a slash: {with_slash}" if known else ""
        raise NotFound(f"There is nothing at this path.{hint}")

    post = put = patch = delete = get
