"""Cache of the public signing keys of an issuer, which keeps serving them during outages.

The set is fetched when it is first needed, when an unknown `kid` arrives, and when it is FRESH_SECONDS old, but never
within COOL_DOWN_SECONDS after the last attempt ended, failed or not. Fetches are a single flight; a caller
waits only if it has no usable key. A valid response replaces the whole set, any other changes nothing: in
an outage the last valid set is used for USABLE_SECONDS.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

import urllib3

from accounts.tokens.resilience import SingleFlight
from accounts.tokens.signals import keys_fetched

logger = logging.getLogger(__name__)

FETCH_TIMEOUT_SECONDS = 2.0
FRESH_SECONDS = 4 * 3600.0
USABLE_SECONDS = 24 * 3600.0
COOL_DOWN_SECONDS = 10.0
COOL_DOWN_WITHOUT_KEYS_SECONDS = 5.0  # instead, while no usable set is held
MAX_DOCUMENT_BYTES = 256 * 1024

Key = TypeVar("Key")


class KeysUnavailable(Exception):
    """No usable key set is held and none could be fetched. `retry_after` is in seconds, at least one."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("The key set of the user pool cannot be fetched.")
        self.retry_after = round(max(1.0, retry_after))


class KeyStore(Generic[Key]):
    """The pool's keys by `kid`. Safe to share between threads; one per process.

    `parse` turns the bytes of a JWK Set (RFC 7517 section 5) into keys by `kid`, and raises ValueError for a
    document with none. `fetch` gives those bytes or raises; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        url: str,
        parse: Callable[[bytes], Mapping[str, Key]],
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._parse = parse
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._fetched_at = self._tried_at = -math.inf
        self._failed = False
        self._fetches = SingleFlight[None]()

    def get(self, kid: str) -> Key | None:
        """The key named `kid`, or None when the pool does not have it.

        Raises KeysUnavailable when no usable set is cached and none can be fetched now.
        """
        if not self.ready():
            raise KeysUnavailable(self._cool_down_left())
        key = self._keys.get(kid)
        if key is None:
            self._refresh(wait=True)
            return self._keys.get(kid)
        if self._age() >= FRESH_SECONDS:
            self._refresh(wait=False)
        return key

    def ready(self) -> bool:
        """Whether a usable set is cached. If not, fetches one, unless in the cool-down."""
        if self._age() >= USABLE_SECONDS:
            self._refresh(wait=True)
        return self._age() < USABLE_SECONDS

    def _age(self) -> float:
        """Seconds since the last successful fetch; infinite if there was none."""
        return self._clock() - self._fetched_at

    def _refresh(self, *, wait: bool) -> None:
        """Fetch the set, unless in the cool-down. With `wait`, return when the current fetch has ended."""
        if self._cool_down_left() > 0:
            return
        fetch, is_own = self._fetches.join(self._fetch_if_due, thread="" if wait else "key-set-refresh")
        # In an outage callers do not wait for the fetch of another: that would block every thread.
        if wait and not is_own and not (self._failed and self._age() >= USABLE_SECONDS):
            with suppress(TimeoutError):
                fetch.result(2 * FETCH_TIMEOUT_SECONDS)

    def _fetch_if_due(self) -> None:
        if self._cool_down_left() > 0:  # another fetch has ended since the caller looked
            return
        try:
            fresh = self._parse((self._fetch or fetch_document)(self._url))
            # An unchanged key stays the same object, so cached verifications with it stay valid.
            held = self._keys
            self._keys = {kid: held[kid] if held.get(kid) == key else key for kid, key in fresh.items()}
            self._fetched_at = self._clock()
            self._failed = False
            outcome = "ok"
        except Exception as error:  # any failure: the cached keys stay in use
            logger.warning(
                "The key set could not be fetched (%s); held keys: %d.", type(error).__name__, len(self._keys)
            )
            self._failed = True
            outcome = "failed"
        finally:
            self._tried_at = self._clock()
        keys_fetched.send_robust(type(self), outcome=outcome)

    def _cool_down_left(self) -> float:
        cool_down = COOL_DOWN_SECONDS if self._age() < USABLE_SECONDS else COOL_DOWN_WITHOUT_KEYS_SECONDS
        return cool_down - (self._clock() - self._tried_at)


_http = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False)


def fetch_document(url: str) -> bytes:
    """The body at `url`: one attempt, no redirects, FETCH_TIMEOUT_SECONDS in all, at most MAX_DOCUMENT_BYTES.

    Raises ValueError for an answer other than 200 or a body too large or too slow, urllib3's HTTPError otherwise.
    """
    deadline = time.monotonic() + FETCH_TIMEOUT_SECONDS
    response = _http.request(
        "GET", url, timeout=urllib3.Timeout(total=FETCH_TIMEOUT_SECONDS), redirect=False, preload_content=False
    )
    try:
        if response.status != 200:
            raise ValueError(f"The key endpoint answered {response.status}.")
        body = bytearray()
        # The time-out of a socket starts again with every packet; this loop limits the sum.
        while chunk := response.read1(16 * 1024):
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise ValueError("The key set is too large.")
            if time.monotonic() > deadline:
                raise ValueError("The key set arrives too slowly.")
        return bytes(body)
    finally:
        # Not returned to the pool: fetches are hours apart, and a half-read answer must not be reused.
        response.close()
        response.release_conn()
