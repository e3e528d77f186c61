"""What is counted, for Prometheus? Imported when METRICS_TOKEN is set, and then only: without it nothing is counted.

One answer tells of all workers: each writes its counts to files of its own in PROMETHEUS_MULTIPROC_DIR (config/serve.py
makes that folder), and whoever is asked reads all of them. What a worker has counted stays when it is gone.

No label holds what a client sent. A route is the pattern of the URL; paths that lead nowhere share one label.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from accounts.tokens import signals

# In seconds: from a page out of memory to one that a person has given up on.
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNROUTED = frozenset({"/healthz", "/readyz", "/metrics"})  # answered before a route is looked for

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("http_request_seconds", "Time to answer, in seconds.", ["route"], buckets=_BUCKETS)
PROBLEMS = Counter("http_problems", "Errors answered, by their code (RFC 9457).", ["code"])
VERDICTS = Counter("token_verdicts", "Bearer tokens judged: ok, or the code of the refusal.", ["verdict"])
KEY_FETCHES = Counter("key_set_fetches", "Fetches of the pool's public keys.", ["outcome"])
COGNITO_CALLS = Counter("cognito_calls", "Operations that Cognito was asked for.", ["operation", "outcome"])
COGNITO_SECONDS = Histogram(
    "cognito_call_seconds", "Time until Cognito answered, in seconds.", ["operation"], buckets=_BUCKETS
)
CLOCK = Gauge(
    "cognito_clock_difference_seconds",
    "By how much Cognito's clock is ahead of this machine's, by the latest answer of Cognito.",
    multiprocess_mode="mostrecent",
)
THROTTLED = Counter("throttled_attempts", "Attempts turned away, by the rate that was over.", ["rate"])


def listen() -> None:
    """Count what accounts/ tells of. Doing so again changes nothing."""
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver, weak=False, dispatch_uid="config.metrics")


def stop_listening() -> None:
    """Count no more. For tests."""
    for signal, _ in _RECEIVERS:
        signal.disconnect(dispatch_uid="config.metrics")


def answered(request: HttpRequest, response: HttpResponse, code: str | None, seconds: float) -> None:
    """Count the answer to a request; `code` is that of the problem, if it is one."""
    method = request.method if request.method in _METHODS else "other"
    route = _route(request)
    REQUESTS.labels(method, route, response.status_code).inc()
    SECONDS.labels(route).observe(seconds)
    if code is not None:
        PROBLEMS.labels(code).inc()


def exposition() -> HttpResponse:
    """Everything counted so far, over all workers, in Prometheus' text format."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # no folder: this process is the only one, as with `manage.py runserver`
        registry = REGISTRY
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is not None:
        return match.route or "/"
    if request.path in _UNROUTED:
        return request.path
    return "static" if request.path.startswith(settings.STATIC_URL) else "unknown"


def _token_judged(verdict: str, **_: Any) -> None:
    VERDICTS.labels(verdict).inc()


def _keys_fetched(outcome: str, **_: Any) -> None:
    KEY_FETCHES.labels(outcome).inc()


def _cognito_called(operation: str, outcome: str, seconds: float, **_: Any) -> None:
    COGNITO_CALLS.labels(operation, outcome).inc()
    COGNITO_SECONDS.labels(operation).observe(seconds)


def _clock_compared(seconds: float, **_: Any) -> None:
    CLOCK.set(seconds)


def _throttled(rate: str, **_: Any) -> None:
    THROTTLED.labels(rate).inc()


_RECEIVERS: tuple[tuple[Any, Callable[..., None]], ...] = (
    (signals.token_judged, _token_judged),
    (signals.keys_fetched, _keys_fetched),
    (signals.cognito_called, _cognito_called),
    (signals.clock_compared, _clock_compared),
    (signals.throttled, _throttled),
)
