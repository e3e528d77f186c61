"""Observability middleware: request ids, access log, metrics and the probes /healthz, /readyz and /metrics."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from secrets import token_hex

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import DisallowedHost
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare

from accounts.browser import session
from accounts.models import User
from accounts.tokens.clock import cognito_clock
from accounts.tokens.resilience import SingleFlight
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import get_verifier
from books.full_text import incomplete
from books.replica import REPLICA
from config.api import PROBLEM_CONTENT_TYPE
from config.logs import REQUEST_ID
from config.postgresql import pooler
from config.problems import problem
from config.request_limits import answer_at_once, is_refused

logger = logging.getLogger("config.requests")

GetResponse = Callable[[HttpRequest], HttpResponse]
Counted = Callable[[HttpRequest, HttpResponse, str | None, float], None]

CLOCK_TOLERANCE_SECONDS = 2.0  # from Cognito's clock: `Date` has whole seconds, and responses take time
READY_SECONDS = 3.0  # for all checks of /readyz together; a check that takes longer is reported as unavailable

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


class RequestMiddleware:
    """Gives every request an id (the client's own, if well formed), `X-Request-ID` in its response, and a log line."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._count = _counting()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, with its id."""
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _WELL_FORMED_ID.fullmatch(sent) else token_hex(16)
        context = REQUEST_ID.set(request_id)
        try:
            started = time.perf_counter()
            respond = answer_at_once if is_refused(request) else self._get_response
            response = respond(request)
            seconds = time.perf_counter() - started
            response["X-Request-ID"] = request_id
            # This class logs every response; Django would log errors again, without the request id.
            setattr(response, "_has_been_logged", True)  # noqa: B010 - not an attribute that type checkers know
            code = _problem_code(response)
            if response.status_code != 200 or request.path not in _QUIET:
                self._log(request, response, code, seconds)
            if self._count is not None:
                self._count(request, response, code, seconds)
            return response
        finally:
            REQUEST_ID.reset(context)

    def _log(self, request: HttpRequest, response: HttpResponse, code: str | None, seconds: float) -> None:
        # The path without its query string, which holds the authorization code at the end of the hosted sign-in. No
        # client address: it is personal data, and in the load balancer's log already.
        match = request.resolver_match
        milliseconds = round(seconds * 1000, 1)
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.path,
            "route": match.route if match else None,
            "status": response.status_code,
            "ms": milliseconds,
        }
        if code is not None:
            fields["code"] = code
        if response.status_code == 400 and not _is_ours(request):
            fields["wrong_host"] = request.META.get("HTTP_HOST", "")[:100]
        fields |= _who(request)
        logger.info(
            "%s %s %s %s ms", request.method, request.path, response.status_code, milliseconds, extra={"fields": fields}
        )


def _counting() -> Counted | None:
    """The function that counts responses; None without METRICS_TOKEN, and config.metrics is not imported then."""
    if not settings.METRICS_TOKEN:
        return None
    from config import metrics

    metrics.listen()
    return metrics.answered


def _problem_code(response: HttpResponse) -> str | None:
    """The code of the problem in `response` (config.problems); None when it is not a problem."""
    if response.status_code < 400:
        return None
    data = getattr(response, "data", None)
    return data.get("code") if isinstance(data, dict) else None


def _is_ours(request: HttpRequest) -> bool:
    """Whether the Host header is one of DJANGO_ALLOWED_HOSTS."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _who(request: HttpRequest) -> Mapping[str, object]:
    """`sub` and `roles` of the caller for the log, if known without a query; `actor` for a delegated token."""
    user = request.__dict__.get("user")
    if not isinstance(user, CognitoUser):  # not authenticated by the API
        claims = session.claims_known(request)
        user = CognitoUser.from_claims(claims) if claims is not None else None
    if user is not None:
        fields: dict[str, object] = {"sub": user.sub, "roles": sorted(user.roles)}
        return fields if user.actor is None else fields | {"actor": user.actor}
    # Django stores the evaluated `request.user` here: a break-glass superuser.
    user = request.__dict__.get("_cached_user")
    return {"sub": user.sub, "roles": []} if isinstance(user, User) else {}


class HealthMiddleware:
    """`/healthz`, `/readyz` and `/metrics`, answered before the checks of Host header, https and sessions.

    `/healthz` is 200 while the process answers. `/readyz` reports the dependencies: 503 only when the database fails,
    other failures are "degraded". `/metrics` exists only with METRICS_TOKEN and requires it as the bearer token.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._probes = {**_PROBES, "/metrics": _metrics} if settings.METRICS_TOKEN else _PROBES

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The probe's response, or that of the next middleware."""
        probe = self._probes.get(request.path)
        if probe is None or request.method not in ("GET", "HEAD"):
            return self._get_response(request)
        response = probe(request)
        response["Cache-Control"] = "no-store"
        # Set here because Django's SecurityMiddleware comes later.
        response["X-Content-Type-Options"] = "nosniff"
        return response


def _healthz(_: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


def _metrics(request: HttpRequest) -> HttpResponse:
    from config import metrics

    sent = request.META.get("HTTP_AUTHORIZATION", "")
    if constant_time_compare(sent, f"Bearer {settings.METRICS_TOKEN}"):
        return metrics.exposition()
    body = problem(401, "metrics_token_wrong", "Send METRICS_TOKEN as the bearer token.", request.path)
    challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
    return JsonResponse(body, status=401, content_type=PROBLEM_CONTENT_TYPE, headers=challenge)


def _readyz(_: HttpRequest) -> HttpResponse:
    started = {name: _started(name) for name in _CHECKS if _applies(name)}
    wait(started.values(), READY_SECONDS)
    checks = {name: check.result() if check.done() else "unavailable" for name, check in started.items()}
    extra: dict[str, object] = {}
    difference = cognito_clock.difference()
    if difference is not None:  # this worker has had a response from Cognito
        checks["clock"] = _clock(difference)
        extra["clock_difference_seconds"] = round(difference, 1)
    well = all(state == "ok" for state in checks.values())
    serving = checks["database"] == "ok"
    status = "ok" if well else "degraded" if serving else "unavailable"
    return JsonResponse({"status": status, "checks": checks, **extra}, status=200 if serving else 503)


def _applies(name: str) -> bool:
    """Whether the check `name` applies to this configuration."""
    if name == REPLICA:
        return REPLICA in connections
    return name != "pooler" or connections[DEFAULT_DB_ALIAS].vendor == "postgresql"


_checks = SingleFlight[str]()


def _started(name: str) -> Future[str]:
    """Result of the check `name`, in a thread of its own: one that hangs holds no request, and is not started again."""
    return _checks.join(partial(_result, name), name, thread=f"readyz-{name}")[0]


def _result(name: str) -> str:
    try:
        return _CHECKS[name]()
    except Exception as error:  # any failure; its message is not logged, it may hold addresses
        logger.warning("The readiness check %s failed: %s", name, type(error).__name__)
        return "unavailable"
    finally:
        connections.close_all()  # this thread's own


def _database() -> str:
    return _answers(DEFAULT_DB_ALIAS)


def _replica() -> str:
    return _answers(REPLICA)


def _answers(alias: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _pooler() -> str:
    """A fault of a database connection, such as a pooler that DATABASE_POOLER does not declare."""
    faults = filter(None, map(pooler.fault_of, connections))
    return next((fault.summary for fault in faults), "ok")


def _migrations() -> str:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "pending"
    return "incomplete" if incomplete(connections[DEFAULT_DB_ALIAS]) else "ok"


def _cache() -> str:
    cache.set("readyz", "ok", timeout=10)
    return "ok" if cache.get("readyz") == "ok" else "unavailable"


def _keys() -> str:
    return "ok" if get_verifier().ready() else "unavailable"


def _clock(difference: float) -> str:
    if abs(difference) <= CLOCK_TOLERANCE_SECONDS:
        return "ok"
    return f"{abs(difference):.0f} s {'behind' if difference > 0 else 'ahead of'} Cognito"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "pooler": _pooler,
    "replica": _replica,
    "cache": _cache,
    "keys": _keys,
}
_PROBES: dict[str, GetResponse] = {"/healthz": _healthz, "/readyz": _readyz}
# Probes are frequent: only failures are logged.
_QUIET = frozenset({*_PROBES, "/metrics"})
