"""May the answer of a moment ago be given again? Yes, where the database has not changed since: never a stale page.

The version of everything (`version.py`) is read with the rows or before them, so nothing older than its label is ever
kept; and before a kept answer is given it is read anew, so a write that was acknowledged by then is seen, also one by
another worker or by hand. SQLite has no such version: nothing is kept there.

Who asks is checked anew each time. What is kept is the finished answer with its headers, under all that it depends
on: method, scheme, host, path, query, and the headers in `_HEADERS`.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import NamedTuple, cast

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, reverse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.tokens.authentication import BearerAuthentication
from accounts.tokens.permissions import Rule, roles_of
from accounts.tokens.users import CognitoUser
from books import replica
from books.fast.version import asked

MAX_BYTES = 8 * 1024 * 1024  # in one process, for each database
MAX_BODY = 256 * 1024
MAX_KEY = 4096  # characters
OVERHEAD = 2048  # bytes that an answer takes beside its body and its key, about

# Django reads a query by the charset of the Content-Type.
_HEADERS = ("CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_IF_NONE_MATCH", "HTTP_ORIGIN")
_SHARED = "catalogue_shared"
_BEARER = BearerAuthentication()


def share(response: HttpResponseBase, rule: Rule, version: str | None) -> None:
    """Let `response` be given to whoever `rule` permits, while `version` is that of the database.

    It must depend on nothing but the database and what this module keeps it under, and not on who asks. Nothing that
    it tells may have been read before `version` was. Without a version it is not kept.
    """
    if version is not None:
        setattr(response, _SHARED, (rule, version))


Key = tuple[str | None, ...]


class Answer(NamedTuple):
    """A finished answer, and who may have it."""

    rule: Rule
    status: int
    headers: dict[str, str]
    body: bytes
    match: ResolverMatch | None


@dataclass(slots=True)
class Shelf:
    """The answers made from one version of the database."""

    version: str
    answers: OrderedDict[Key, Answer] = field(default_factory=OrderedDict)
    size: int = 0  # bytes
    _one_at_a_time: Lock = field(default_factory=Lock)

    def keep(self, key: Key, answer: Answer) -> None:
        """Keep an answer, unless it is very large; the oldest ones make room."""
        if len(answer.body) > MAX_BODY or _length(key) > MAX_KEY:
            return
        with self._one_at_a_time:
            former = self.answers.pop(key, None)
            self.size += _weight(key, answer) - (_weight(key, former) if former else 0)
            self.answers[key] = answer
            while self.size > MAX_BYTES:
                self.size -= _weight(*self.answers.popitem(last=False))


def _length(key: Key) -> int:
    return sum(len(part) for part in key if part)


def _weight(key: Key, answer: Answer) -> int:
    return len(answer.body) + _length(key) + OVERHEAD


class AnswerCacheMiddleware:
    """Gives an answer of the catalogue again, or lets the rest of the service make it.

    A request that it cannot judge, or whose caller is not let in, goes the whole way, where the refusal is worded.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._shelves: dict[str, Shelf] = {}  # by the alias of the database

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer."""
        if not _may_be_shared(request):
            return self._get_response(request)
        try:
            user = _caller(request)
        except (APIException, Error):
            return self._get_response(request)
        database = replica.source(request, anonymous=user is None)
        key = _key(request)
        shelf = self._shelves.get(database)
        known = shelf and shelf.answers.get(key)
        # Where there is nothing to give, nobody asks: what is read tells its version.
        if shelf and known and _may(user, known.rule) and shelf.version == asked(request, database):
            return _again(request, user, known)
        response = self._get_response(request)
        shared: tuple[Rule, str] | None = getattr(response, _SHARED, None)
        if shared is not None and not response.cookies:
            rule, version = shared
            headers = dict(response.items())
            answer = Answer(rule, response.status_code, headers, response.content, request.resolver_match)
            self._keep(database, version, key, answer, before=shelf)
        return response

    def _keep(self, database: str, version: str, key: Key, answer: Answer, *, before: Shelf | None) -> None:
        """Keep an answer on the shelf of its version; `before` is the shelf that there was when it was begun."""
        shelf = self._shelves.get(database)
        if shelf is None or shelf.version != version:
            if shelf is not before:
                return  # others have begun one meanwhile: this answer took long, and is likely to be the older one
            shelf = self._shelves[database] = Shelf(version)
        shelf.keep(key, answer)


def _may_be_shared(request: HttpRequest) -> bool:
    meta = request.META
    # A cookie may be a session's, whose caller only the rest of the service knows, and a refresh token may have to be
    # used on the way.
    return (
        request.method == "GET"
        and request.path.startswith(_paths())
        and not meta.get("HTTP_COOKIE")
        and "HTTP_X_REFRESH_TOKEN" not in meta
    )


@cache
def _paths() -> tuple[str, ...]:
    return reverse("book-list"), reverse("author-list")


def _caller(request: HttpRequest) -> CognitoUser | None:
    """Who asks, or nobody. Raises APIException, Error."""
    # It reads the headers alone, and finds them in either kind of request.
    found = _BEARER.authenticate(cast("Request", request))
    return found[0] if found else None


def _may(user: CognitoUser | None, rule: Rule) -> bool:
    return (rule.public and settings.BOOKS_PUBLIC_READ) or rule.permits(roles_of(user), owner=False)


def _key(request: HttpRequest) -> Key:
    meta = request.META
    return request.scheme, meta.get("HTTP_HOST"), request.path, meta.get("QUERY_STRING"), *map(meta.get, _HEADERS)


def _again(request: HttpRequest, user: CognitoUser | None, answer: Answer) -> HttpResponse:
    # For the log.
    request.resolver_match = answer.match
    if user is not None:
        request.user = user  # type: ignore[assignment]
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
