"""Prometheus metrics. Imported only when METRICS_TOKEN is set.

Multi-process mode of prometheus_client: each worker writes its values to its own files in PROMETHEUS_MULTIPROC_DIR
(created by config/serve.py), and the worker that answers /metrics sums all files. Counts of ended workers are kept.

No label value comes from a client. `route` is the URL pattern; all unknown paths share one value.
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

# Upper bounds in seconds.
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNROUTED = frozenset({"/healthz", "/readyz", "/metrics"})  # answered before URL resolution

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("http_request_seconds", "Time to answer, in seconds.", ["route"], buckets=_BUCKETS)
PROBLEMS = Counter("http_problems", "Problem responses, by code (RFC 9457).", ["code"])
VERDICTS = Counter("token_verdicts", "Bearer tokens verified: ok, or the code of the refusal.", ["verdict"])
KEY_FETCHES = Counter("key_set_fetches", "Fetches of the pool's public keys.", ["outcome"])
COGNITO_CALLS = Counter("cognito_calls", "Calls of Cognito operations.", ["operation", "outcome"])
COGNITO_SECONDS = Histogram(
    "cognito_call_seconds", "Duration of calls to Cognito, in seconds.", ["operation"], buckets=_BUCKETS
)
CLOCK = Gauge(
    "cognito_clock_difference_seconds",
    "Cognito's clock minus this machine's, in seconds, from the latest response of Cognito.",
    multiprocess_mode="mostrecent",
)
THROTTLED = Counter("throttled_attempts", "Attempts refused, by the rate limit that was exceeded.", ["rate"])


def listen() -> None:
    """Connect the receivers of `accounts.tokens.signals`. Idempotent."""
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver, weak=False, dispatch_uid="config.metrics")


def stop_listening() -> None:
    """Disconnect the receivers. For tests."""
    for signal, _ in _RECEIVERS:
        signal.disconnect(dispatch_uid="config.metrics")


def answered(request: HttpRequest, response: HttpResponse, code: str | None, seconds: float) -> None:
    """Count a response. `code` is the code of the problem, or None; `seconds` the time it took."""
    method = request.method if request.method in _METHODS else "other"
    route = _route(request)
    REQUESTS.labels(method, route, response.status_code).inc()
    SECONDS.labels(route).observe(seconds)
    if code is not None:
        PROBLEMS.labels(code).inc()


def exposition() -> HttpResponse:
    """The metrics of all workers in the Prometheus text format."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # PROMETHEUS_MULTIPROC_DIR is not set: a single process, as with `manage.py runserver`
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
