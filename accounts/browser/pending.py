"""State between two pages of one task, in the session of a browser, so that no address tells any of it."""

import time
from dataclasses import asdict
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from accounts.browser.hosted import Attempt
from accounts.cognito.results import Challenge
from accounts.flows import challenges

# How long somebody may stay at Cognito's pages, and in how many tabs.
HOSTED_SECONDS = 600
HOSTED_ATTEMPTS = 5

# How long the session of a visitor is kept, from what it last held on; a sign-in gives it a life of its own.
VISITOR_SECONDS = 600

_VALUES = "accounts_steps"
_HOSTED = "accounts_hosted"


def update(request: HttpRequest, **values: Any) -> None:
    """Keep `values` by their names, until `forget` or the end of the session."""
    request.session[_VALUES] = {**request.session.get(_VALUES, {}), **values}
    _expire_soon(request)


def get(request: HttpRequest, name: str) -> Any:
    """What was kept by that name, or None."""
    return request.session.get(_VALUES, {}).get(name)


def clear(request: HttpRequest) -> None:
    """The errand is done."""
    request.session.pop(_VALUES, None)


def set_challenge(request: HttpRequest, challenge: Challenge, email: str) -> None:
    """Keep what is asked next at a sign-in."""
    shown = dict(challenges.public_parameters(challenge, email))
    update(request, email=email, challenge=challenge.name, handle=challenges.encrypted(challenge, email), shown=shown)


def set_attempt(request: HttpRequest, attempt: Attempt, next_path: str) -> None:
    """Keep a sign-in that has gone to Cognito's pages; of many at once, the latest."""
    kept = request.session.get(_HOSTED, {})
    kept[attempt.state] = {"attempt": asdict(attempt), "next": next_path, "at": time.time()}
    request.session[_HOSTED] = dict(list(kept.items())[-HOSTED_ATTEMPTS:])
    _expire_soon(request)


def _expire_soon(request: HttpRequest) -> None:
    """Let the session of a visitor end in minutes: anybody can make any number of them, and each is a row."""
    if SESSION_KEY not in request.session:
        request.session.set_expiry(VISITOR_SECONDS)


def pop_attempt(request: HttpRequest, state: str) -> tuple[Attempt, str] | None:
    """The sign-in with this `state` and where it leads, once: it is gone then. None when there is none, or too old."""
    kept = request.session.get(_HOSTED, {})
    found = kept.pop(state, None)
    if found is None:
        return None
    request.session[_HOSTED] = kept
    # At once: whatever becomes of this request, the next one does not find it.
    request.session.save()
    if time.time() - found["at"] > HOSTED_SECONDS:
        return None
    return Attempt(**found["attempt"]), found["next"]
