"""What is served at /api/v1/books/ and /api/v1/authors/?"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils.serializer_helpers import ReturnDict
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import Policy, PolicyPermission
from accounts.users import CognitoUser, person_for
from books.conditional import ConditionalView, digest, require_match
from books.filters import AUTHOR_PARAMETERS, BOOK_PARAMETERS
from books.keyset import Ordering
from books.models import Author, Book
from books.orderings import AUTHOR_ORDERINGS, BOOK_ORDERINGS, Relevance
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
Row = Mapping[str, Any]


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
    state: ClassVar[tuple[str, ...]]
    """What changes whenever a row does."""
    lookup_value_regex = "[1-9][0-9]{0,17}"

    def public_read(self) -> bool:
        """Whether anybody may read."""
        return bool(settings.BOOKS_PUBLIC_READ)

    def is_owner(self, user: CognitoUser, obj: Any) -> bool:
        """Whether `obj` is this user's own."""
        return False

    def get_orderings(self) -> Mapping[str, Ordering]:
        """The orderings that this request may choose from, the default first."""
        raise NotImplementedError

    def representation(self) -> Callable[[Row], dict[str, Any]]:
        """What makes the JSON object of a row."""
        raise NotImplementedError

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page."""
        pages = cast("KeysetPagination", self.paginator)
        rows = pages.paginate_queryset(self.filter_queryset(self.get_queryset()), request, self)
        states = [tuple(row[name] for name in self.state) for row in rows]
        etag = digest(request.build_absolute_uri(), pages.next, pages.previous, states)
        return self.answer(request, etag, lambda: pages.page_of([*map(self.representation(), rows)]))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of it."""
        return self.show(self.get_object())

    def show(self, thing: M, **how: Any) -> Response:
        """The answer about one thing."""
        row = {name: getattr(thing, name) for name in self.columns}
        # From the serializer the browsable API learns what its forms are about.
        return self.answer(
            self.request,
            self.etag_of(row),
            lambda: ReturnDict(self.representation()(row), serializer=self.get_serializer(thing)),
            **how,
        )

    def etag_of(self, row: Row) -> str:
        """The entity tag of one row."""
        return '"' + "-".join(str(row[name]) for name in self.state) + '"'


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
    state = ("id", "version")

    def is_owner(self, user: CognitoUser, obj: Book) -> bool:
        """Whether this user added the book."""
        return obj.added_by_id == user.sub

    def get_orderings(self) -> Mapping[str, Ordering]:
        """Relevance is for those who search."""
        text = self.request.query_params.get("search", "").strip()
        return {"relevance": Relevance(text=text), **BOOK_ORDERINGS} if text else BOOK_ORDERINGS

    def representation(self) -> Callable[[Row], dict[str, Any]]:
        """What makes the JSON object of a row."""
        books_url = reverse("book-list", request=self.request)
        return lambda row: represent(row, books_url)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new book, of the caller's own."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        book = serializer.save(added_by=person_for(cast("CognitoUser", request.user)))
        location = reverse("book-detail", args=[book.pk], request=request)
        return self.show(book, status=status.HTTP_201_CREATED, headers={"Location": location})

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        """A changed book."""
        self.get_object()
        # The body is read before anything is locked: whoever sends it may be slow.
        data = request.data
        with transaction.atomic():
            book = self._locked()
            serializer = self.get_serializer(book, data=data, partial=partial)
            serializer.is_valid(raise_exception=True)
            serializer.save(by=cast("CognitoUser", request.user).sub)
        return self.show(book)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A book with some members changed."""
        return self.update(request, *args, partial=True, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """No book."""
        self.get_object()
        with transaction.atomic():
            self._locked().discard(by=cast("CognitoUser", request.user).sub)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _locked(self) -> Book:
        """The book, in the state that the client believes it to be in until the transaction ends."""
        book = get_object_or_404(Book.objects.select_for_update(), pk=self.kwargs["pk"])
        require_match(self.request, self.etag_of({"id": book.pk, "version": book.version}))
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
    state = ("id", "name")

    def get_orderings(self) -> Mapping[str, Ordering]:
        """The same for everybody."""
        return AUTHOR_ORDERINGS

    def representation(self) -> Callable[[Row], dict[str, Any]]:
        """What makes the JSON object of a row."""
        authors_url = reverse("author-list", request=self.request)
        books_url = reverse("book-list", request=self.request)
        return lambda row: represent_author(row, authors_url, books_url)

    def etag_of(self, row: Row) -> str:
        """A name may hold what an entity tag may not."""
        return digest(row)
