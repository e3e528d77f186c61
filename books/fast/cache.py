"""In-memory cache of finished answers of the catalogue, valid while the database does not change.

The version of the database (`version.py`) is read before the rows of an answer or with them, so no answer is cached
under a later version than its own. Before a cached answer is served the version is read again: a write that was
acknowledged by then is seen, also one by another worker or by SQL. SQLite has no such version: nothing is cached there.

Credentials and permissions are checked at each request. The key is all that an answer depends on: scheme, host, path,
query, and the headers in `_HEADERS`; the value is the finished answer with its headers.
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
from books.fast.version import version_at

MAX_BYTES = 8 * 1024 * 1024  # per process and database
MAX_BODY = 256 * 1024  # bytes
MAX_KEY = 4096  # characters
OVERHEAD = 2048  # approximate bytes of an answer beside its body and its key

# Content-Type is among them because Django decodes a query string by its charset.
_HEADERS = ("CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_IF_NONE_MATCH", "HTTP_ORIGIN")
_SHARED = "catalogue_shared"
_BEARER = BearerAuthentication()


def share(response: HttpResponseBase, rule: Rule, version: str | None) -> None:
    """Allow `response` to be cached for callers whom `rule` permits, while the database has this version.

    It must depend on the database and on the cache key alone, not on the caller, and all its data must have been read
    at `version` or later. With None it is not cached.
    """
    if version is not None:
        setattr(response, _SHARED, (rule, version))


Key = tuple[str | None, ...]


class Answer(NamedTuple):
    """A finished answer, and the rule of who may read it."""

    rule: Rule
    status: int
    headers: dict[str, str]
    body: bytes
    match: ResolverMatch | None


@dataclass(slots=True)
class CacheGeneration:
    """The cached answers of one version of the database, the oldest first."""

    version: str
    answers: OrderedDict[Key, Answer] = field(default_factory=OrderedDict)
    size: int = 0  # bytes
    _lock: Lock = field(default_factory=Lock)

    def store(self, key: Key, answer: Answer) -> None:
        """Cache an answer, unless it is too large. Beyond MAX_BYTES the oldest are evicted."""
        if len(answer.body) > MAX_BODY or _length(key) > MAX_KEY:
            return
        with self._lock:
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
    """Middleware that serves answers of the catalogue from the cache.

    Requests with cookies and requests whose credentials are refused are passed on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._generations: dict[str, CacheGeneration] = {}  # by the alias of the database

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The cached answer, or that of the next middleware."""
        if not (settings.BOOKS_FAST_PATHS and _may_be_shared(request)):
            return self._get_response(request)
        try:
            user = _caller(request)
        except (APIException, Error):
            return self._get_response(request)
        database = replica.source(request, anonymous=user is None)
        key = _key(request)
        generation = self._generations.get(database)
        cached = generation and generation.answers.get(key)
        # The version is read only where there is an answer to serve; otherwise the rows are read with their version.
        if generation and cached and _may(user, cached.rule) and generation.version == version_at(request, database):
            return _from_cache(request, user, cached)
        response = self._get_response(request)
        shared: tuple[Rule, str] | None = getattr(response, _SHARED, None)
        if shared is not None and not response.cookies:
            rule, version = shared
            headers = dict(response.items())
            answer = Answer(rule, response.status_code, headers, response.content, request.resolver_match)
            self._store(database, version, key, answer, before=generation)
        return response

    def _store(self, database: str, version: str, key: Key, answer: Answer, *, before: CacheGeneration | None) -> None:
        """Cache an answer in the generation of its version; `before` is the generation when the request began."""
        generation = self._generations.get(database)
        if generation is None or generation.version != version:
            if generation is not before:
                return  # another thread began a generation meanwhile: this answer is likely to be the older one
            generation = self._generations[database] = CacheGeneration(version)
        generation.store(key, answer)


def _may_be_shared(request: HttpRequest) -> bool:
    meta = request.META
    # The caller behind a session cookie is not known yet, and a refresh token may have to be used.
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
    """The caller; None for an anonymous request. Raises APIException, Error."""
    # It reads `META` alone, which Django's request has too.
    found = _BEARER.authenticate(cast("Request", request))
    return found[0] if found else None


def _may(user: CognitoUser | None, rule: Rule) -> bool:
    return (rule.public and settings.BOOKS_PUBLIC_READ) or rule.permits(roles_of(user), owner=False)


def _key(request: HttpRequest) -> Key:
    meta = request.META
    return request.scheme, meta.get("HTTP_HOST"), request.path, meta.get("QUERY_STRING"), *map(meta.get, _HEADERS)


def _from_cache(request: HttpRequest, user: CognitoUser | None, answer: Answer) -> HttpResponse:
    # The log reads both.
    request.resolver_match = answer.match
    if user is not None:
        request.user = user  # type: ignore[assignment]
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
