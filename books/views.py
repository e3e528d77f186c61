"""Views of /api/v1/books/ and /api/v1/authors/."""

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
from accounts.tokens.users import CognitoUser
from accounts.user_rows import with_user_row
from books import replica, writing
from books.conditional import ConditionalView, digest, require_match
from books.fast.cache import share
from books.fast.reading import read_one
from books.fast.representing import represent, represent_author
from books.fast.version import VERSION, version_at
from books.filters import AUTHOR_PARAMETERS, BOOK_PARAMETERS
from books.keyset import Ordering
from books.models import Author, Book
from books.orderings import AUTHOR_ORDERINGS, BOOK_ORDERINGS, book_orderings
from books.pagination import KeysetPagination
from books.parameters import Parameter, StrictFilters
from books.permissions import AUTHOR_POLICY, BOOK_POLICY
from books.serializers import AUTHOR_COLUMNS, BOOK_COLUMNS, AuthorSerializer, BookSerializer

M = TypeVar("M", bound=Model)


@cache
def _path(name: str, _: str) -> str:
    """The path of a list. The prefix of all paths is a part of the key, for it may change between requests."""
    return reverse(name)


class CatalogueViewSet(ConditionalView, GenericViewSet[M]):
    """Base class for books and authors: pages of a list, one item, conditional requests, permissions to read."""

    permission_classes = (PolicyPermission,)
    policy: ClassVar[Policy]
    filter_backends = (StrictFilters,)
    parameters: ClassVar[Mapping[str, Parameter]]
    pagination_class = KeysetPagination
    ordering_help: ClassVar[str]
    ordering_names: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    """The columns that are read of a row."""
    state: ClassVar["attrgetter[tuple[Any, ...]]"]
    """Getter of the values of a row that change whenever the row does, for entity tags."""
    lookup_value_regex = "[1-9][0-9]{0,17}"
    lookup_schema: ClassVar[Mapping[str, Any]] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    """The JSON Schema of `lookup_value_regex`."""
    version: str | None = None
    """Version of the database, read before the rows or with them; None while it is not known."""

    def get_queryset(self) -> Any:
        """All rows, in the database that this request reads."""
        database = self.source()
        return super().get_queryset() if database == DEFAULT_DB_ALIAS else super().get_queryset().using(database)

    def source(self) -> str:
        """The alias of the database that this request reads."""
        user: object = self.request.user
        return replica.source(self.request, anonymous=not isinstance(user, CognitoUser))

    def public_read(self) -> bool:
        """Whether anonymous callers may read."""
        return bool(settings.BOOKS_PUBLIC_READ)

    def is_owner(self, user: CognitoUser, obj: Any) -> bool:
        """Whether `user` owns `obj`."""
        return False

    def get_orderings(self) -> Mapping[str, Ordering]:
        """The orderings that this request may choose, by name, the default first."""
        raise NotImplementedError

    def representation(self) -> Callable[[Any], dict[str, Any]]:
        """The function that returns the JSON object of a row or of a model instance."""
        if settings.BOOKS_FAST_PATHS:
            return self.fast_representation()
        return self.get_serializer().to_representation

    def fast_representation(self) -> Callable[[Any], dict[str, Any]]:
        """A faster function that returns the same (books.fast.representing)."""
        raise NotImplementedError

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the list."""
        pages = cast("KeysetPagination", self.paginator)
        # With filters there may be no row to hold the version, and some filters need statements of their own.
        columns = self._to_read(in_one_statement=self.parameters.keys().isdisjoint(request.query_params))
        rows = pages.paginate_queryset(self.filter_queryset(self.get_queryset()), request, self, columns)
        if rows:
            self.version = getattr(rows[0], VERSION, self.version)
        etag = digest(
            pages.address, request.META.get("QUERY_STRING"), pages.next, pages.previous, [*map(self.state, rows)]
        )
        return self.answer(request, etag, lambda: pages.page_of([*map(self.representation(), rows)]))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One item."""
        if not settings.BOOKS_FAST_PATHS or isinstance(request.accepted_renderer, BrowsableAPIRenderer):
            return self.show(self.get_object())  # forms of the browsable API need the instance
        queryset, columns = self.get_queryset(), self._to_read(in_one_statement=True)
        row = read_one(queryset, columns, int(self.kwargs["pk"]))
        if row is None:
            raise Http404(f"No {queryset.model._meta.object_name} matches the given query.")  # as get_object()
        self.check_object_permissions(request, row)
        self.version = getattr(row, VERSION, self.version)
        return self.show(row)

    def _to_read(self, *, in_one_statement: bool) -> tuple[str, ...]:
        """The columns to read, with VERSION where the statement of the rows can return it; else it is read now.

        That works on the primary, and only where the rows take a single statement.
        """
        if not settings.BOOKS_FAST_PATHS:
            return (*self.columns, "pk")  # for the serializer
        if in_one_statement and self.source() == DEFAULT_DB_ALIAS:
            return (*self.columns, VERSION)
        self.version = version_at(self.request, self.source())
        return self.columns

    def show(self, thing: Any, **how: Any) -> Response:
        """The response for one item: a model instance, or a row with all of `columns`."""
        return self.answer(self.request, self.etag_of(thing), lambda: self._document(thing), **how)

    def _document(self, thing: Any) -> dict[str, Any]:
        document = self.representation()(thing)
        if isinstance(self.request.accepted_renderer, BrowsableAPIRenderer):
            # The browsable API makes its forms from this serializer.
            return ReturnDict(document, serializer=self.get_serializer(thing))
        return document

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Share the response with every caller who may read the same (books.fast.cache)."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if self.action not in ("list", "retrieve") or final.status_code not in (200, 304):
            return final
        if not isinstance(final.accepted_renderer, BrowsableAPIRenderer) and "added_by" not in request.query_params:
            share(final, self.policy[self.action], self.version)
            if self.source() != DEFAULT_DB_ALIAS:
                final["Cache-Control"] = replica.CACHE_CONTROL
                # No cache may serve it to a caller who has signed in and may have written since.
                patch_vary_headers(final, ("Authorization", "Cookie"))
        return final

    def etag_of(self, thing: Any) -> str:
        """The entity tag of a model instance or a row."""
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
    """Books of the catalogue. A user may change the books that they added."""

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
        """All orderings; `relevance` only with `search`."""
        return book_orderings(self.request.query_params)

    def fast_representation(self) -> Callable[[Any], dict[str, Any]]:
        """The function that returns the JSON object of a row or of a model instance."""
        books_url = self.request.build_absolute_uri(_path("book-list", get_script_prefix()))
        return lambda row: represent(row, books_url)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a book, owned by the caller."""
        values = BookSerializer.checked(request.data)
        user = cast("CognitoUser", request.user)
        book = with_user_row(user, lambda sub: writing.add(**values, added_by_id=sub, actor=user.actor or ""))
        response = self.show(book, status=status.HTTP_201_CREATED)
        response["Location"] = response.data["url"]
        return response

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        """Replace a book (PUT)."""
        self.get_object()
        # The body is read before the row is locked: the client may send it slowly.
        data = request.data
        with transaction.atomic():
            book = self._locked()
            writing.change(book, **self._author_of_change(), **BookSerializer.checked(data, partial=partial))
        return self.show(book)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some members of a book (PATCH)."""
        return self.update(request, *args, partial=True, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a book."""
        self.get_object()
        with transaction.atomic():
            writing.discard(self._locked(), **self._author_of_change())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _author_of_change(self) -> dict[str, str]:
        """The caller and their actor, for the history."""
        user = cast("CognitoUser", self.request.user)
        return {"by": user.sub, "actor": user.actor or ""}

    def _locked(self) -> Book:
        """The book, locked until the transaction ends. Raises Http404, PreconditionFailed."""
        book = get_object_or_404(Book.objects.select_for_update(), pk=self.kwargs["pk"])
        require_match(self.request, self.etag_of(book))
        return book


@extend_schema_view(
    list=extend_schema(summary="List authors, or search them", tags=["authors"]),
    retrieve=extend_schema(summary="Read an author", tags=["authors"]),
)
class AuthorViewSet(CatalogueViewSet[Author]):
    """Authors of the books. An author is added with the first book that names them."""

    queryset = Author.objects.all()
    serializer_class = AuthorSerializer
    policy = AUTHOR_POLICY
    parameters = AUTHOR_PARAMETERS
    ordering_names = tuple(AUTHOR_ORDERINGS)
    ordering_help = "By name, without case and accents."
    columns = AUTHOR_COLUMNS
    state = attrgetter("id", "name")

    def get_orderings(self) -> Mapping[str, Ordering]:
        """By name, in both directions."""
        return AUTHOR_ORDERINGS

    def fast_representation(self) -> Callable[[Any], dict[str, Any]]:
        """The function that returns the JSON object of a row or of a model instance."""
        authors_url = self.request.build_absolute_uri(_path("author-list", get_script_prefix()))
        books_url = self.request.build_absolute_uri(_path("book-list", get_script_prefix()))
        return lambda row: represent_author(row, authors_url, books_url)

    def etag_of(self, thing: Any) -> str:
        """A digest, for a name may hold characters that an entity tag must not."""
        return digest(self.state(thing))
