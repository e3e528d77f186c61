"""Cognito does what it was asked and its answer is lost, or it does half: nobody keeps rights, and nothing is stuck."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito import administration
from accounts.cognito.errors import CognitoUnavailable
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.models import AuditRecord, SignUp, User
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, app_code, claims_of, code_for, sign_in
from tests.conftest import Client

USERS = f"{ACCOUNTS}users/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, signed in."""
    return Person.signed_in("user@example.com")


Lose = Callable[..., None]


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Makes an operation of Cognito fail as if it had timed out, `done` or not; None makes it work again."""
    gateway_class = type(get_gateway())
    call, administer = gateway_class._call, gateway_class.administer
    lost: dict[str, bool | None] = {}

    def failing(made: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(self: Any, operation: str, *args: Any, **parameters: Any) -> Any:
            done = lost.get(operation)
            answer = made(self, operation, *args, **parameters) if done in (True, None) else None
            if done is not None:
                raise CognitoUnavailable
            return answer

        return wrapped

    monkeypatch.setattr(gateway_class, "_call", failing(call))
    monkeypatch.setattr(gateway_class, "administer", failing(administer))

    def lose(operation: str, *, done: bool | None = False) -> None:
        lost[operation] = done

    return lose


def test_an_account_whose_deletion_was_not_answered_is_gone_all_the_same(uma: Person, lose: Lose) -> None:
    uma.client.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]})
    lose("delete_user", done=True)
    assert uma.client.delete(f"{ACCOUNTS}me/", {"password": PASSWORD}).status_code == 204
    assert uma.verdict() == "token_revoked"
    assert not User.objects.filter(sub=uma.sub).exists()


def test_an_account_that_could_not_be_deleted_is_still_there_and_signed_out(uma: Person, lose: Lose) -> None:
    lose("delete_user")
    assert uma.client.delete(f"{ACCOUNTS}me/", {"password": PASSWORD}).status_code == 503
    assert uma.verdict() == "token_revoked"
    assert Person.signed_in(uma.email).verdict() == "ok"


@pytest.mark.parametrize("done", [True, False])
def test_a_changed_password_ends_sessions_though_the_sign_out_was_not_answered(
    done: bool, uma: Person, visitor: Client, lose: Lose
) -> None:
    lose("global_sign_out", done=done)
    body = {"current_password": PASSWORD, "new_password": "Another-1815"}
    assert uma.client.post(f"{ACCOUNTS}change-password/", body).status_code == 204
    assert uma.verdict() == "token_revoked"
    refreshed = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert refreshed.json()["code"] == "refresh_token_invalid"


def test_a_reset_password_ends_access_though_the_sign_out_was_not_answered(
    uma: Person, visitor: Client, cognito: LocalCognito, lose: Lose
) -> None:
    visitor.post(f"{ACCOUNTS}forgot-password/", {"email": uma.email})
    lose("admin_user_global_sign_out")
    body = {"email": uma.email, "code": code_for(cognito, uma.email), "new_password": "Another-1815"}
    assert visitor.post(f"{ACCOUNTS}reset-password/", body).status_code == 503
    assert uma.verdict() == "token_revoked"
    assert Person.signed_in(uma.email, "Another-1815").verdict() == "ok"


@pytest.mark.parametrize(
    "act, operation, action",
    [
        ("role", "admin_remove_user_from_group", "role"),
        ("disable", "admin_disable_user", "disable"),
        ("sign-out", "admin_user_global_sign_out", "sign_out"),
    ],
)
def test_an_act_of_an_administrator_that_half_failed_is_recorded_and_revokes(
    act: str, operation: str, action: str, uma: Person, lose: Lose
) -> None:
    admin = Person.signed_in("admin@example.com")
    lose(operation, done=True)
    call = admin.client.put if act == "role" else admin.client.post
    assert call(f"{USERS}{uma.sub}/{act}/", {"role": "ROLE_GUEST"}).status_code == 503
    assert uma.verdict() == "token_revoked"
    assert AuditRecord.objects.get().action == action


def test_a_sign_up_whose_answer_was_lost_keeps_its_role_and_its_missing_password(
    visitor: Client, cognito: LocalCognito, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context():
        lose("sign_up", done=True)
        assert visitor.post(f"{ACCOUNTS}sign-up/", {"email": "ida@example.com"}).status_code == 503
    monkeypatch.undo()
    assert visitor.post(f"{ACCOUNTS}sign-up/", {"email": "ida@example.com"}).status_code == 201
    body = {"email": "ida@example.com", "code": code_for(cognito, "ida@example.com")}
    assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).json()["errors"][0]["pointer"] == "#/password"


def test_signing_out_ends_refresh_tokens_of_the_other_app_clients_too(
    visitor: Client, cognito: LocalCognito, settings: Settings
) -> None:
    own = settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET, settings.COGNITO_ALLOWED_CLIENT_IDS
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET = cognito.spa_client(), ""
    phone = get_gateway().sign_in("user@example.com", PASSWORD)
    assert isinstance(phone, Tokens)
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET, settings.COGNITO_ALLOWED_CLIENT_IDS = own
    assert visitor.post(f"{ACCOUNTS}sign-out/", {"refresh_token": phone.refresh_token}).status_code == 204
    assert visitor.bearing(phone.access_token).get(BOOKS).json()["code"] == "token_revoked"
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET = cognito.spa_client(), ""
    again = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": phone.refresh_token})
    assert again.json()["code"] == "refresh_token_invalid"


def test_everywhere_means_everywhere_with_an_id_token_too(uma: Person, visitor: Client, settings: Settings) -> None:
    settings.COGNITO_TOKEN_USE = "any"
    visitor.bearing(uma.tokens["id_token"])
    assert visitor.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}).status_code == 204
    refreshed = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert refreshed.json()["code"] == "refresh_token_invalid"


# --- Limits ---


def test_strangers_who_guess_at_codes_do_not_lock_anybodys_second_factor(
    uma: Person, visitor: Client, cognito: LocalCognito
) -> None:
    from tests.accounts.test_sessions import with_mfa

    secret = with_mfa(uma, cognito)
    guess = {"email": uma.email, "code": "000000", "new_password": "Another-1815"}
    statuses = [visitor.post(f"{ACCOUNTS}reset-password/", guess).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]
    asked = sign_in(visitor, uma.email, PASSWORD).json()
    answer = {"handle": asked["handle"], "code": app_code(cognito, secret, nth=1)}
    assert visitor.post(f"{ACCOUNTS}sign-in/challenge/", answer).status_code == 200


def test_changing_ones_address_does_not_send_mail_without_limit(uma: Person, cognito: LocalCognito) -> None:
    statuses = [uma.client.patch(f"{ACCOUNTS}me/", {"email": "stranger@example.com"}).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert len([mail for mail in cognito.messages.all() if mail["to"] == "stranger@example.com"]) == 5


def test_a_taken_address_does_not_take_the_other_changes_down(uma: Person) -> None:
    changed = uma.client.patch(f"{ACCOUNTS}me/", {"name": "New Name", "email": "admin@example.com"})
    assert (changed.status_code, changed.json()["name"]) == (200, "New Name")


def test_asking_whether_a_sign_up_waits_for_its_password_counts(visitor: Client, cognito: LocalCognito) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", {"email": "ida@example.com"})
    body = {"email": "ida@example.com", "code": "000000"}
    statuses = [visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


def test_a_role_that_was_closed_meanwhile_is_not_granted(
    visitor: Client, cognito: LocalCognito, settings: Settings
) -> None:
    settings.COGNITO_SIGN_UP_ROLES = ["ROLE_GUEST", "ROLE_USER"]
    visitor.post(f"{ACCOUNTS}sign-up/", {"email": "ida@example.com", "password": "Lovelace-1815", "role": "ROLE_USER"})
    settings.COGNITO_SIGN_UP_ROLES = ["ROLE_GUEST"]
    visitor.post(
        f"{ACCOUNTS}confirm-sign-up/", {"email": "ida@example.com", "code": code_for(cognito, "ida@example.com")}
    )
    ida = Person.signed_in("ida@example.com", "Lovelace-1815")
    assert claims_of(ida.tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]
    assert not SignUp.objects.exists()


# --- Odd input ---


@pytest.mark.parametrize("sub", ["a%20b", "%00", "x" * 129, "%F0%9F%92%A9", "..", "user@example.com"])
def test_nobody_has_an_odd_subject(sub: str, cognito: LocalCognito) -> None:
    admin = Person.signed_in("admin@example.com")
    assert admin.client.get(f"{USERS}{sub}/").status_code == 404


@pytest.mark.parametrize("current", [" x", "x ", " ", "\t", "x" * 256])
def test_an_odd_current_password_is_a_wrong_one(current: str, uma: Person) -> None:
    refused = uma.client.post(
        f"{ACCOUNTS}change-password/", {"current_password": current, "new_password": "Another-1815"}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "current_password_wrong")


@pytest.mark.parametrize("code", ["1", "123", "x" * 64, "ab cd"])
def test_an_odd_code_is_a_wrong_one(code: str, uma: Person) -> None:
    uma.client.post(f"{ACCOUNTS}me/mfa/")
    refused = uma.client.put(f"{ACCOUNTS}me/mfa/", {"code": code})
    assert refused.status_code == 400
    assert refused.json()["code"] in ("code_mismatch", "invalid")


@pytest.mark.parametrize("email", ["a@localhost", '"q"@example.com', "a@example"])
def test_an_address_that_cognito_does_not_take_is_pointed_at(
    email: str, visitor: Client, uma: Person, cognito: LocalCognito
) -> None:
    for answer in (
        visitor.post(f"{ACCOUNTS}sign-up/", {"email": email, "password": "Lovelace-1815"}),
        uma.client.patch(f"{ACCOUNTS}me/", {"email": email}),
    ):
        assert answer.status_code in (200, 201, 400)
        if answer.status_code == 400:
            assert [error["pointer"] for error in answer.json()["errors"]] == ["#/email"]


def test_a_query_of_a_thousand_parameters_is_malformed(visitor: Client) -> None:
    response = visitor.get(f"{BOOKS}?{'&'.join(f'p{number}=1' for number in range(1001))}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/", "/api/redoc/"])
def test_bad_credentials_are_refused_at_the_documentation_too(path: str, visitor: Client) -> None:
    assert visitor.get(path).status_code == 200
    assert visitor.bearing("rubbish").get(path).status_code == 401


def test_a_handle_tells_nothing(visitor: Client, cognito: LocalCognito) -> None:
    from base64 import urlsafe_b64decode

    from tests.accounts.test_sessions import invite

    temporary = invite(cognito, "ida@example.com")
    handle = sign_in(visitor, "ida@example.com", temporary).json()["handle"]
    assert b"ida@" not in urlsafe_b64decode(handle + "==")


def test_people_who_are_deleted_while_they_are_listed_are_left_out(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = Person.signed_in("admin@example.com")
    roles_of_person = administration.roles_of_person
    gone = administration.person("guest@example.com").username

    def look(username: str) -> Any:
        if username == gone:
            get_gateway().administer("admin_delete_user", Username=username)
        return roles_of_person(username)

    monkeypatch.setattr(administration, "roles_of_person", look)
    listed = admin.client.get(USERS)
    assert listed.status_code == 200
    assert "guest@example.com" not in [person["email"] for person in listed.json()["results"]]
    assert listed["Cache-Control"] == "no-store"


@pytest.mark.parametrize("key", ['"\\000abcdefgh"', "short", "x" * 5000, "../../etc/passwd", "%00%00%00%00%00"])
def test_an_odd_session_cookie_is_no_session(key: str, visitor: Client) -> None:
    visitor.cookies.load(f"sessionid={key}")
    assert visitor.get(BOOKS).status_code == 200
    assert visitor.get("/").status_code == 200
    assert visitor.get("/admin/").status_code == 302
