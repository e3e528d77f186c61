"""One's own account: password, profile, e-mail address, MFA, and leaving."""

from typing import Any

import pytest

from accounts.models import User
from accounts.tokens.testing import Pool
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, app_code, code_for, sign_in
from tests.accounts.test_sessions import with_mfa
from tests.conftest import Client, MakeMachine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, signed in."""
    return Person.signed_in("user@example.com")


# --- Passwords ---


def test_a_changed_password_ends_every_session(uma: Person, visitor: Client) -> None:
    laptop = Person.signed_in(uma.email)
    body = {"current_password": PASSWORD, "new_password": "Another-1815"}
    assert uma.client.post(f"{ACCOUNTS}change-password/", body).status_code == 204
    assert (uma.verdict(), laptop.verdict()) == ("token_revoked", "token_revoked")
    refreshed = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": laptop.tokens["refresh_token"]})
    assert refreshed.json()["code"] == "refresh_token_invalid"
    assert Person.signed_in(uma.email, "Another-1815").verdict() == "ok"


@pytest.mark.parametrize(
    "current, new, code",
    [
        ("Wrong-1815", "Another-1815", "current_password_wrong"),
        (PASSWORD, "weak", "password_too_weak"),
        (PASSWORD, PASSWORD, "password_reused"),
    ],
)
def test_a_password_is_not_changed_to_or_by_just_anything(current: str, new: str, code: str, uma: Person) -> None:
    refused = uma.client.post(f"{ACCOUNTS}change-password/", {"current_password": current, "new_password": new})
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert uma.verdict() == "ok"


def test_a_forgotten_password_is_reset_with_a_code_and_ends_every_session(
    uma: Person, visitor: Client, cognito: LocalCognito
) -> None:
    asked = visitor.post(f"{ACCOUNTS}forgot-password/", {"email": uma.email})
    assert (asked.status_code, asked.content) == (202, b"")
    body = {"email": uma.email, "code": code_for(cognito, uma.email), "new_password": "Another-1815"}
    for wrong in ({"code": "000000"}, {"new_password": "weak"}):
        assert visitor.post(f"{ACCOUNTS}reset-password/", {**body, **wrong}).status_code == 400
    assert visitor.post(f"{ACCOUNTS}reset-password/", body).status_code == 200
    assert uma.verdict() == "token_revoked"
    assert Person.signed_in(uma.email, "Another-1815").verdict() == "ok"
    again = visitor.post(f"{ACCOUNTS}reset-password/", {**body, "new_password": "Third-1815"})
    assert (again.status_code, again.json()["code"]) == (400, "code_mismatch")


# --- Profile ---


def test_a_profile_is_read_and_changed(uma: Person) -> None:
    profile = uma.client.get(f"{ACCOUNTS}me/").json()
    assert (profile["sub"], profile["email"], profile["roles"]) == (uma.sub, uma.email, ["ROLE_USER"])
    changed = uma.client.patch(f"{ACCOUNTS}me/", {"name": "Uma Thurston", "phone_number": "+4915112345678"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Uma Thurston")
    assert changed.json()["phone_number"] == "+4915112345678"
    assert uma.client.patch(f"{ACCOUNTS}me/", {"phone_number": None}).json()["phone_number"] == ""


def test_a_new_address_counts_once_it_is_verified(uma: Person, cognito: LocalCognito) -> None:
    changed = uma.client.patch(f"{ACCOUNTS}me/", {"email": "uma@example.org"})
    assert changed.json()["email"] == uma.email
    wrong = uma.client.post(f"{ACCOUNTS}me/verify-email/", {"code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "code_mismatch")
    code = code_for(cognito, "uma@example.org")
    assert uma.client.post(f"{ACCOUNTS}me/verify-email/", {"code": code}).json() == {"status": "verified"}
    assert uma.client.get(f"{ACCOUNTS}me/").json()["email"] == "uma@example.org"
    assert Person.signed_in("uma@example.org").sub == uma.sub


def test_another_code_for_a_new_address_is_sent_on_request(uma: Person, cognito: LocalCognito) -> None:
    uma.client.patch(f"{ACCOUNTS}me/", {"email": "uma@example.org"})
    assert uma.client.post(f"{ACCOUNTS}me/verify-email/", {}).status_code == 202


def test_an_address_that_somebody_has_is_answered_like_a_free_one(uma: Person, cognito: LocalCognito) -> None:
    taken = uma.client.patch(f"{ACCOUNTS}me/", {"email": "admin@example.com"})
    free = uma.client.patch(f"{ACCOUNTS}me/", {"email": "nobody@example.com"})
    assert (taken.status_code, taken.json()) == (free.status_code, free.json())


@pytest.mark.parametrize("path", ["me/", "me/mfa/"])
def test_no_machine_has_an_account_of_its_own(path: str, machine: MakeMachine) -> None:
    refused = machine("books/admin").get(f"{ACCOUNTS}{path}")
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]
    assert 'scope="aws.cognito.signin.user.admin"' in refused["WWW-Authenticate"]


def test_a_token_without_the_scope_of_ones_own_account_is_refused(visitor: Client, pool: Pool) -> None:
    refused = visitor.bearing(pool.access_token("Uma", scope="openid email")).get(f"{ACCOUNTS}me/")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", ["me/", "me/mfa/", "me/verify-email/", "change-password/", "users/"])
def test_a_visitor_has_no_account(path: str, visitor: Client) -> None:
    method = visitor.post if path in ("me/verify-email/", "change-password/") else visitor.get
    assert method(f"{ACCOUNTS}{path}").json()["code"] == "not_authenticated"


# --- MFA ---


def test_mfa_is_turned_on_with_a_code_and_off_with_password_and_code(uma: Person, cognito: LocalCognito) -> None:
    assert uma.client.get(f"{ACCOUNTS}me/mfa/").json() == {"enabled": False}
    begun = uma.client.post(f"{ACCOUNTS}me/mfa/").json()
    assert begun["otpauth_url"].startswith("otpauth://totp/")
    assert f"secret={begun['secret']}" in begun["otpauth_url"]
    wrong = uma.client.put(f"{ACCOUNTS}me/mfa/", {"code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "code_mismatch")
    secret = with_mfa(uma, cognito)
    assert uma.client.get(f"{ACCOUNTS}me/mfa/").json() == {"enabled": True}

    def proof(**changes: str) -> dict[str, Any]:
        return {"password": PASSWORD, "code": app_code(cognito, secret, nth=1), **changes}

    for changes, code in (
        ({"password": "Wrong-1815"}, "current_password_wrong"),
        ({"code": "000000"}, "code_mismatch"),
    ):
        refused = uma.client.delete(f"{ACCOUNTS}me/mfa/", proof(**changes))
        assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert uma.client.get(f"{ACCOUNTS}me/mfa/").json() == {"enabled": True}
    assert uma.client.post(f"{ACCOUNTS}me/mfa/delete/", proof()).status_code == 204
    assert uma.client.get(f"{ACCOUNTS}me/mfa/").json() == {"enabled": False}


# --- Leaving ---


@pytest.mark.parametrize("way", ["delete", "post"])
def test_who_leaves_is_forgotten_and_their_books_stay(way: str, uma: Person, visitor: Client) -> None:
    book = uma.client.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).json()
    assert book["added_by"] == uma.sub
    etag = visitor.get(book["url"])["ETag"]
    if way == "delete":
        left = uma.client.delete(f"{ACCOUNTS}me/", {"password": PASSWORD})
    else:
        left = uma.client.post(f"{ACCOUNTS}me/delete/", {"password": PASSWORD})
    assert left.status_code == 204
    assert uma.verdict() == "token_revoked"
    assert not User.objects.filter(sub=uma.sub).exists()
    kept = visitor.get(book["url"])
    assert (kept.json()["title"], kept.json()["added_by"]) == ("Emma", None)
    assert kept["ETag"] != etag
    gone = sign_in(visitor, uma.email, PASSWORD)
    assert gone.json()["code"] == "invalid_credentials"


def test_leaving_takes_the_password(uma: Person) -> None:
    refused = uma.client.delete(f"{ACCOUNTS}me/", {"password": "Wrong-1815"})
    assert (refused.status_code, refused.json()["code"]) == (400, "current_password_wrong")
    missing = uma.client.delete(f"{ACCOUNTS}me/")
    assert missing.status_code == 400
    assert uma.verdict() == "ok"
