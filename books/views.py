"""What is served at /api/v1/books/ and /api/v1/authors/?"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model
from django.http import Http404
from django.urls import get_script_prefix, reverse
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict
from rest_framework.viewsets import GenericViewSet

from accounts.tokens.permissions import Policy, PolicyPermission
from accounts.tokens.users import CognitoUser, as_person
from books import replica, writing
from books.conditional import ConditionalView, digest, require_match
from books.fast.cache import share
from books.fast.reading import read_one
from books.fast.version import VERSION, asked
from books.filters import AUTHOR_PARAMETERS, BOOK_PARAMETERS
from books.keyset import Ordering
from books.models import Author, Book
from books.orderings import AUTHOR_ORDERINGS, BOOK_ORDERINGS, book_orderings
from books.pagination import KeysetPagination
from books.parameters import Parameter, StrictFilters
from books.permissions import AUTHOR_POLICY, BOOK_POLICY
from books.serializers import (
    AUTHOR_COLUMNS,
    BOOK_COLUMNS,
    AuthorSerializer,
    BookSerializer,
    represent,
    represent_author,
)

M = TypeVar("M", bound=Model)


@cache
def _path(name: str, _: str) -> str:
    """The path of a list, below the prefix that all paths have now."""
    return reverse(name)


class CatalogueViewSet(ConditionalView, GenericViewSet[M]):
    """What books and authors have in common: a list in pages, one of it, and who may read them."""

    permission_classes = (PolicyPermission,)
    policy: ClassVar[Policy]
    filter_backends = (StrictFilters,)
    parameters: ClassVar[Mapping[str, Parameter]]
    pagination_class = KeysetPagination
    ordering_help: ClassVar[str]
    ordering_names: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    """What is read of a row."""
    state: ClassVar["attrgetter[tuple[Any, ...]]"]
    """What changes whenever a row does, from the row."""
    lookup_value_regex = "[1-9][0-9]{0,17}"
    lookup_schema: ClassVar[Mapping[str, Any]] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    """The same for OpenAPI."""
    version: str | None = None
    """That of the database, from before the first row was read, or with it; None while it is not known."""

    def get_queryset(self) -> Any:
        """What there is, in the database that this request is to be answered from."""
        database = self.source()
        return super().get_queryset() if database == DEFAULT_DB_ALIAS else super().get_queryset().using(database)

    def source(self) -> str:
        """The alias of that database."""
        user: object = self.request.user
        return replica.source(self.request, anonymous=not isinstance(user, CognitoUser))

    def public_read(self) -> bool:
        """Whether anybody may read."""
        return bool(settings.BOOKS_PUBLIC_READ)

    def is_owner(self, user: CognitoUser, obj: Any) -> bool:
        """Whether `obj` is this user's own."""
        return False

    def get_orderings(self) -> Mapping[str, Ordering]:
        """The orderings that this request may choose from, the default first."""
        raise NotImplementedError

    def representation(self) -> Callable[[Any], dict[str, Any]]:
        """What makes the JSON object of a row, or of a thing that has been read whole."""
        raise NotImplementedError

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page."""
        pages = cast("KeysetPagination", self.paginator)
        # With conditions there may be no row to tell anything, and some of them take statements of their own.
        columns = self._to_read(in_one_statement=self.parameters.keys().isdisjoint(request.query_params))
        rows = pages.paginate_queryset(self.filter_queryset(self.get_queryset()), request, self, columns)
        if rows:
            self.version = getattr(rows[0], VERSION, self.version)
        etag = digest(
            pages.address, request.META.get("QUERY_STRING"), pages.next, pages.previous, [*map(self.state, rows)]
        )
        return self.answer(request, etag, lambda: pages.page_of([*map(self.representation(), rows)]))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of it."""
        if isinstance(request.accepted_renderer, BrowsableAPIRenderer):
            return self.show(self.get_object())  # its forms are made from the thing itself
        queryset, columns = self.get_queryset(), self._to_read(in_one_statement=True)
        row = read_one(queryset, columns, int(self.kwargs["pk"]))
        if row is None:
            raise Http404(f"No {queryset.model._meta.object_name} matches the given query.")  # as get_object says it
        self.check_object_permissions(request, row)
        self.version = getattr(row, VERSION, self.version)
        return self.show(row)

    def _to_read(self, *, in_one_statement: bool) -> tuple[str, ...]:
        """The columns to read, with VERSION where the rows can tell it; else it is asked now, before they are read.

        The primary can tell it along with the rows of a statement, which must be the only one.
        """
        if in_one_statement and self.source() == DEFAULT_DB_ALIAS:
            return (*self.columns, VERSION)
        self.version = asked(self.request, self.source())
        return self.columns

    def show(self, thing: Any, **how: Any) -> Response:
        """The answer about one thing, or about a row with all its columns."""
        return self.answer(self.request, self.etag_of(thing), lambda: self._document(thing), **how)

    def _document(self, thing: Any) -> dict[str, Any]:
        document = self.representation()(thing)
        if isinstance(self.request.accepted_renderer, BrowsableAPIRenderer):
            # From the serializer the browsable API learns what its forms are about.
            return ReturnDict(document, serializer=self.get_serializer(thing))
        return document

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """What anybody who may read would get too may be given again (books.fast.cache)."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if self.action not in ("list", "retrieve") or final.status_code not in (200, 304):
            return final
        if not isinstance(final.accepted_renderer, BrowsableAPIRenderer) and "added_by" not in request.query_params:
            share(final, self.policy[self.action], self.version)
            if self.source() != DEFAULT_DB_ALIAS:
                final["Cache-Control"] = replica.CACHE_CONTROL
                # So that no cache gives it to somebody who may have written since.
                patch_vary_headers(final, ("Authorization", "Cookie"))
        return final

    def etag_of(self, thing: Any) -> str:
        """The entity tag of one thing, or of a row."""
        return '"' + "-".join(map(str, self.state(thing))) + '"'


@extend_schema_view(
    list=extend_schema(summary="List books, or search them", tags=["books"]),
    retrieve=extend_schema(summary="Read a book", tags=["books"]),
    create=extend_schema(summary="Add a book", tags=["books"]),
    update=extend_schema(summary="Replace a book", tags=["books"]),
    partial_update=extend_schema(summary="Change a book", tags=["books"]),
    destroy=extend_schema(summary="Delete a book", tags=["books"]),
)
class BookViewSet(CatalogueViewSet[Book]):
    """The catalogue. Whoever adds a book may change it."""

    queryset = Book.objects.all()
    serializer_class = BookSerializer
    policy = BOOK_POLICY
    parameters = BOOK_PARAMETERS
    ordering_names = ("relevance", *BOOK_ORDERINGS)
    ordering_help = "Absent values come last. The default is `relevance` while searching, `-created_at` otherwise."
    columns = BOOK_COLUMNS
    state = attrgetter("id", "version")

    def is_owner(self, user: CognitoUser, obj: Book) -> bool:
        """Whether this user added the book."""
        return obj.added_by_id == user.sub

    def get_orderings(self) -> Mapping[str, Ordering]:
        """Relevance is for those who search."""
        return book_orderings(self.request.query_params)

    def representation(self) -> Callable[[Any], dict[str, Any]]:
        """What makes the JSON object of a row, or of a thing that has been read whole."""
        books_url = self.request.build_absolute_uri(_path("book-list", get_script_prefix()))
        return lambda row: represent(row, books_url)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new book, of the caller's own."""
        values = BookSerializer.checked(request.data)
        user = cast("CognitoUser", request.user)
        book = as_person(user, lambda sub: writing.add(**values, added_by_id=sub, actor=user.actor or ""))
        response = self.show(book, status=status.HTTP_201_CREATED)
        response["Location"] = response.data["url"]
        return response

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        """A changed book."""
        self.get_object()
        # The body is read before anything is locked: whoever sends it may be slow.
        data = request.data
        with transaction.atomic():
            book = self._locked()
            writing.change(book, **self._whose(), **BookSerializer.checked(data, partial=partial))
        return self.show(book)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A book with some members changed."""
        return self.update(request, *args, partial=True, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """No book."""
        self.get_object()
        with transaction.atomic():
            writing.discard(self._locked(), **self._whose())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _whose(self) -> dict[str, str]:
        """Who changes something, and who does it for them, for the record."""
        user = cast("CognitoUser", self.request.user)
        return {"by": user.sub, "actor": user.actor or ""}

    def _locked(self) -> Book:
        """The book, in the state that the client believes it to be in until the transaction ends."""
        book = get_object_or_404(Book.objects.select_for_update(), pk=self.kwargs["pk"])
        require_match(self.request, self.etag_of(book))
        return book


@extend_schema_view(
    list=extend_schema(summary="List authors, or search them", tags=["authors"]),
    retrieve=extend_schema(summary="Read an author", tags=["authors"]),
)
class AuthorViewSet(CatalogueViewSet[Author]):
    """Who wrote the books. An author appears with the first book that names them."""

    queryset = Author.objects.all()
    serializer_class = AuthorSerializer
    policy = AUTHOR_POLICY
    parameters = AUTHOR_PARAMETERS
    ordering_names = tuple(AUTHOR_ORDERINGS)
    ordering_help = "By name, whatever its case and accents."
    columns = AUTHOR_COLUMNS
    state = attrgetter("id", "name")

    def get_orderings(self) -> Mapping[str, Ordering]:
        """The same for everybody."""
        return AUTHOR_ORDERINGS

    def representation(self) -> Callable[[Any], dict[str, Any]]:
        """What makes the JSON object of a row, or of a thing that has been read whole."""
        authors_url = self.request.build_absolute_uri(_path("author-list", get_script_prefix()))
        books_url = self.request.build_absolute_uri(_path("book-list", get_script_prefix()))
        return lambda row: represent_author(row, authors_url, books_url)

    def etag_of(self, thing: Any) -> str:
        """A name may hold what an entity tag may not."""
        return digest(self.state(thing))
