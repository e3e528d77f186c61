"""Rate limits of attempts per client address and per account, over all workers.

    with throttling.attempt(request, address="sign_in_address", account=("sign_in_account", email)) as attempt:
        tokens = gateway.sign_in(email, password)
        attempt.succeeded()

An attempt is counted before Cognito is called, so parallel guesses gain nothing. Over the limit, every attempt gets the
same error with the time to wait, for unknown accounts and right passwords too.

Without REDIS_URL, and while Redis fails, each process counts in its own memory: the limits are then multiplied by the
number of workers, but no request fails because of Redis.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework import status
from rest_framework.request import Request
from rest_framework.settings import api_settings

from accounts.cognito.errors import AccountError
from accounts.flows.rates import DEFAULT_RATES, RateName
from accounts.flows.windows import Count, LimitExceeded, RateLimiter, RedisWindow
from accounts.tokens.signals import throttled

# Rates per address that count failures only: many people behind one address may each enter a right code.
RETURNED_TO_ADDRESS: frozenset[RateName] = frozenset({"code_address"})


class Throttled(AccountError):
    """429: too many attempts. `wait` is the time until the next one, in whole seconds, at least one."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "throttled"

    def __init__(self, seconds: float) -> None:
        self.wait = math.floor(seconds) + 1  # an attempt that is exactly as old as its window still counts
        super().__init__(f"Too many attempts. Try again in {self.wait} second{'' if self.wait == 1 else 's'}.")


class Attempt:
    """A counted attempt, to be marked as successful."""

    def __init__(self) -> None:
        self.has_succeeded = False

    def succeeded(self) -> None:
        """Mark the attempt as successful. Without it the attempt stays counted, also in an outage of Cognito."""
        self.has_succeeded = True


@contextmanager
def attempt(
    request: HttpRequest | Request, *, address: RateName | None = None, account: tuple[RateName, str] | None = None
) -> Iterator[Attempt]:
    """Count an attempt: of the client's address by the rate `address`, of an account by the rate and name `account`.

    The name is the e-mail address that the request is about, or a `sub`; the same kind for one rate. After success the
    account's attempt is given back, and the address's too if its rate is in RETURNED_TO_ADDRESS. Raises Throttled when
    either limit is reached; then neither is counted.
    """
    addressed = None if address is None else _count(address, client_address(request))
    accounted = None if account is None else _count(account[0], account[1].strip().casefold())
    limiter = _limiter()
    try:
        window = limiter.take([count for count in (addressed, accounted) if count is not None])
    except LimitExceeded as excess:
        throttled.send_robust(Throttled, rate=excess.key.partition(":")[0])
        raise Throttled(excess.seconds) from None
    started = time.monotonic()
    made = Attempt()
    try:
        yield made
    finally:
        # An attempt that took longer than its window has expired from it.
        if made.has_succeeded:
            taken = time.monotonic() - started
            for count in (addressed if address in RETURNED_TO_ADDRESS else None, accounted):
                if count is not None and taken < count.rate.seconds:
                    limiter.give_back(window, count)


def client_address(request: HttpRequest | Request) -> str:
    """The client address that a request is counted by: an IPv4 address, or an IPv6 /64 (one customer's network).

    With NUM_PROXIES: the entry of X-Forwarded-For that the outermost of our proxies wrote, that many from the right.
    When there are fewer, or it is no address, the request did not come through all of them; what the client may have
    written itself is not believed, and whoever connected is counted. Without NUM_PROXIES,
    as a setting of its own or in REST_FRAMEWORK, the header is ignored.

    The proxy must drop header names with underscores, as nginx does, and an AWS load balancer once
    `routing.http.drop_invalid_header_fields.enabled` is set: in WSGI `X_Forwarded_For` is the same header, and granian
    2.8 passes on the later of the two.
    """
    proxies: int = getattr(settings, "NUM_PROXIES", api_settings.NUM_PROXIES) or 0
    if proxies > 0:
        # Several headers of that name arrive joined by commas, in their order.
        entries = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        forwarded = _network(entries[-proxies]) if len(entries) >= proxies else None
        if forwarded is not None:
            return forwarded
    return _network(str(request.META.get("REMOTE_ADDR", ""))) or "unknown"


def _network(text: str) -> str | None:
    """The network of an address in a proxy's notation: with or without a port, IPv6 then in brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def forget() -> None:
    """Reset to the state of a new process; counts in Redis stay. For tests."""
    _limiter_of.cache_clear()


def _count(name: RateName, whom: str) -> Count:
    # Only a keyed hash of the address is stored, also in Redis.
    digest = salted_hmac("accounts.throttles", whom.encode("utf-8", "surrogatepass"), algorithm="sha256").hexdigest()
    return Count(f"{name}:{digest}", getattr(settings, "ACCOUNTS_THROTTLES", DEFAULT_RATES)[name])


_guard = threading.Lock()


def _limiter() -> RateLimiter:
    with _guard:  # functools.cache may call twice in parallel, and the counts of one limiter would be lost
        return _limiter_of(getattr(settings, "REDIS_URL", ""))


@cache
def _limiter_of(redis_url: str) -> RateLimiter:
    return RateLimiter(RedisWindow(redis_url) if redis_url else None)
