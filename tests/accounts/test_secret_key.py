"""The secret key is changed: with the former one as a fallback nobody notices; without it what it signed is void."""

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito.errors import ChallengeExpired
from accounts.cognito.results import Challenge
from accounts.flows import challenges
from accounts.models import SignUp
from accounts.tokens.roles import Role
from local_cognito.server import LocalCognito
from tests.accounts.browsers import is_signed_in, signed_in
from tests.accounts.people import ACCOUNTS
from tests.conftest import Client

FORMER, PRESENT = "the-former-key-" * 4, "the-present-key-" * 4

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _former_key(settings: Settings) -> None:
    settings.SECRET_KEY = FORMER


def change(settings: Settings, *fallbacks: str) -> None:
    """The operator changes the key."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = PRESENT, list(fallbacks)


def test_a_sign_in_that_is_under_way_goes_on(settings: Settings) -> None:
    challenge = Challenge(name="SOFTWARE_TOKEN_MFA", session="s", username="uma", parameters={})
    handle = challenges.encrypted(challenge, "uma@example.com")
    change(settings, FORMER)
    assert challenges.decrypted(handle) == (challenge, "uma@example.com")
    assert challenges.decrypted(challenges.encrypted(challenge, "uma@example.com"))[0] == challenge
    change(settings)
    with pytest.raises(ChallengeExpired):
        challenges.decrypted(handle)


def test_a_sign_up_keeps_the_role_that_was_asked_for(settings: Settings) -> None:
    SignUp.objects.record("gwen@example.com", Role.GUEST, needs_password=False)
    change(settings, "yet-another-key", FORMER)
    assert SignUp.objects.of("Gwen@example.com ") is not None
    change(settings)
    assert SignUp.objects.of("gwen@example.com") is None


def test_a_browser_that_comes_in_time_stays_signed_in(cognito: LocalCognito, settings: Settings) -> None:
    uma, gwen = signed_in("user@example.com"), signed_in("guest@example.com")
    change(settings, FORMER)
    assert is_signed_in(uma)
    change(settings)
    assert is_signed_in(uma)  # her session was signed anew
    assert not is_signed_in(gwen)


def test_the_next_page_of_people_is_found(cognito: LocalCognito, settings: Settings) -> None:
    body = {"email": "admin@example.com", "password": "Passw0rd!"}
    ada = Client()
    ada.bearing(ada.post(f"{ACCOUNTS}sign-in/", body).json()["access_token"])
    following = ada.get(f"{ACCOUNTS}users/?page_size=1").json()["next"]
    change(settings, FORMER)
    assert ada.get(following).status_code == 200
    change(settings)
    assert ada.get(following).status_code == 400
