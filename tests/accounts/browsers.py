"""People in front of a browser: Django's test client, which keeps cookies, and a Cognito that may be out of reach."""

import time
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.tokens.verifier import get_verifier
from local_cognito.server import LocalCognito
from tests.accounts.people import PASSWORD

PAGES = "/accounts/"
PROFILE = f"{PAGES}profile/"
# No port of a moment ago: somebody else may be given it.
NOWHERE = "http://127.0.0.1:1"
TOKEN_NAMES = ("cognito_access_token", "cognito_refresh_token")


def fill_in(browser: Browser, page: str, **fields: str) -> Any:
    """Send the form of a page of accounts."""
    return browser.post(f"{PAGES}{page}", fields)


def signed_in(email: str, password: str = PASSWORD, next_: str = "") -> Browser:
    """The browser of somebody who has just signed in with our form."""
    browser = Browser()
    answer = fill_in(browser, "sign-in/", email=email, password=password, next=next_)
    assert answer.status_code == 302, answer.content
    return browser


def text(answer: Any) -> str:
    """What a page says, without its tags, in one line."""
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign, assignment]
    parser.feed(answer.content.decode())
    return " ".join(" ".join(words).split())


def tokens_of(browser: Browser) -> dict[str, str]:
    """The tokens that the server keeps for this browser."""
    return {name: browser.session[name] for name in TOKEN_NAMES if name in browser.session}


def is_signed_in(browser: Browser) -> bool:
    """Whether the profile opens."""
    status: int = browser.get(PROFILE).status_code
    assert status in (200, 302)
    return status == 200


def let_pass(seconds: int, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes, for Cognito and for whoever verifies its tokens."""
    cognito.clock.advance(seconds)
    ahead = cognito.clock.now() - time.time()
    monkeypatch.setattr(get_verifier(), "_now", lambda: time.time() + ahead)


def cut_off(settings: Settings, *names: str) -> None:
    """From now on nobody answers at Cognito's addresses."""
    for name in names or ("COGNITO_ENDPOINT_URL",):
        setattr(settings, name, NOWHERE)
