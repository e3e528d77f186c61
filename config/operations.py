"""What do operators see of a request? Its id, its log line, and whether the service is well."""

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

CLOCK_TOLERANCE_SECONDS = 2.0  # between this machine and Cognito: `Date` has whole seconds, answers take a moment
READY_SECONDS = 3.0  # for all checks of /readyz together: what hangs is not waited for

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


class RequestMiddleware:
    """Gives every request an id (the client's own, if well formed) and every answer `X-Request-ID` and a log line."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._count = _counting()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, with its id."""
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _WELL_FORMED_ID.fullmatch(sent) else token_hex(16)
        context = REQUEST_ID.set(request_id)
        try:
            started = time.perf_counter()
            respond = answer_at_once if is_refused(request) else self._get_response
            response = respond(request)
            seconds = time.perf_counter() - started
            response["X-Request-ID"] = request_id
            # Our line tells of every answer; Django would tell of bad ones again, outside of this request.
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
        # The path without its query string: the hosted sign-in returns with a code in it. And no address: that is
        # personal data, which the load balancer's log keeps for those who need it.
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
    """What counts answers; None without METRICS_TOKEN, and then nothing of it is imported."""
    if not settings.METRICS_TOKEN:
        return None
    from config import metrics

    metrics.listen()
    return metrics.answered


def _problem_code(response: HttpResponse) -> str | None:
    """The code of the problem that `response` tells of (config.problems), if it does."""
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
    """The subject and the roles of whoever asked, as far as that is known already: finding out would cost a query.

    With `actor`, the subject of whoever acts for them by a delegated token.
    """
    user = request.__dict__.get("user")
    if not isinstance(user, CognitoUser):  # not of the API
        claims = session.claims_known(request)
        user = CognitoUser.from_claims(claims) if claims is not None else None
    if user is not None:
        told: dict[str, object] = {"sub": user.sub, "roles": sorted(user.roles)}
        return told if user.actor is None else told | {"actor": user.actor}
    # Django keeps here whom its lazy `request.user` has turned out to be: a break-glass superuser.
    user = request.__dict__.get("_cached_user")
    return {"sub": user.sub, "roles": []} if isinstance(user, User) else {}


class HealthMiddleware:
    """`/healthz`, `/readyz` and `/metrics`, before anything that looks at the Host header, at https or at sessions.

    `/healthz` says that the process answers. `/readyz` says what it depends on: 503 only when the database cannot
    serve, since a restart mends nothing else; the rest is reported as degraded. `/metrics` is there with METRICS_TOKEN
    only, and for those who send it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._probes = {**_PROBES, "/metrics": _metrics} if settings.METRICS_TOKEN else _PROBES

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The probe's answer, or that of the rest of the service."""
        probe = self._probes.get(request.path)
        if probe is None or request.method not in ("GET", "HEAD"):
            return self._get_response(request)
        response = probe(request)
        response["Cache-Control"] = "no-store"
        # What the rest of the service gets from Django's SecurityMiddleware, which comes after.
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
    told: dict[str, object] = {}
    difference = cognito_clock.difference()
    if difference is not None:  # this worker has heard from Cognito
        checks["clock"] = _clock(difference)
        told["clock_difference_seconds"] = round(difference, 1)
    well = all(state == "ok" for state in checks.values())
    serving = checks["database"] == "ok"
    status = "ok" if well else "degraded" if serving else "unavailable"
    return JsonResponse({"status": status, "checks": checks, **told}, status=200 if serving else 503)


def _applies(name: str) -> bool:
    """Whether there is what the check `name` looks at."""
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
    except Exception as error:  # whatever is wrong; without its message, which may hold addresses
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
    """What is wrong with the way to a database, such as a pooler that DATABASE_POOLER does not tell of."""
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
# Asked for so often that only what goes wrong there is worth a line of the log.
_QUIET = frozenset({*_PROBES, "/metrics"})
