"""State between two pages of one flow, kept in the browser's session instead of in URLs."""

import time
from dataclasses import asdict
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from accounts.browser.hosted import Attempt
from accounts.cognito.results import Challenge
from accounts.flows import challenges

# Limits of hosted sign-ins in progress: their age, and their number per session.
HOSTED_SECONDS = 600
HOSTED_ATTEMPTS = 5

# Lifetime of the session of an anonymous visitor after the last write; a sign-in sets its own.
VISITOR_SECONDS = 600

_VALUES = "accounts_steps"
_HOSTED = "accounts_hosted"


def update(request: HttpRequest, **values: Any) -> None:
    """Store `values` by name, until `clear` or the end of the session."""
    request.session[_VALUES] = {**request.session.get(_VALUES, {}), **values}
    _expire_soon(request)


def get(request: HttpRequest, name: str) -> Any:
    """The value stored under this name, or None."""
    return request.session.get(_VALUES, {}).get(name)


def clear(request: HttpRequest) -> None:
    """Remove all values, at the end of the flow."""
    request.session.pop(_VALUES, None)


def set_challenge(request: HttpRequest, challenge: Challenge, email: str) -> None:
    """Store the next challenge of a sign-in."""
    shown = dict(challenges.public_parameters(challenge, email))
    update(request, email=email, challenge=challenge.name, handle=challenges.encrypted(challenge, email), shown=shown)


def set_attempt(request: HttpRequest, attempt: Attempt, next_path: str) -> None:
    """Store a hosted sign-in in progress; only the latest HOSTED_ATTEMPTS are kept."""
    kept = request.session.get(_HOSTED, {})
    kept[attempt.state] = {"attempt": asdict(attempt), "next": next_path, "at": time.time()}
    request.session[_HOSTED] = dict(list(kept.items())[-HOSTED_ATTEMPTS:])
    _expire_soon(request)


def _expire_soon(request: HttpRequest) -> None:
    """Shorten the session of a visitor: visitors can create any number of them, and each is a row."""
    if SESSION_KEY not in request.session:
        request.session.set_expiry(VISITOR_SECONDS)


def pop_attempt(request: HttpRequest, state: str) -> tuple[Attempt, str] | None:
    """Remove and return the hosted sign-in with this `state`, and its next path. None if unknown or too old."""
    kept = request.session.get(_HOSTED, {})
    found = kept.pop(state, None)
    if found is None:
        return None
    request.session[_HOSTED] = kept
    # Saved now, so that the attempt cannot be used again even if this request fails.
    request.session.save()
    if time.time() - found["at"] > HOSTED_SECONDS:
        return None
    return Attempt(**found["attempt"]), found["next"]
