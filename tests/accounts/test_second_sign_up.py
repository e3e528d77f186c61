"""Two sign-ups with one address: whoever confirms has the only password, and nobody learns who has an account."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.cognito import administration
from accounts.cognito.errors import CognitoUnavailable
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.flows import sign_in as sign_in_flow
from accounts.flows import sign_up
from accounts.models import SignUp
from accounts.tokens.roles import Role
from local_cognito.server import LocalCognito
from tests.accounts.browsers import PAGES, fill_in, text
from tests.accounts.people import (
    ACCOUNTS,
    NEW_PASSWORD,
    PASSWORD,
    Person,
    claims_of,
    code_for,
    sign_in,
    wait_for_messages,
)
from tests.conftest import Client

GRACE, MALLORYS, GRACES = "grace@example.com", "Mallory-1906", NEW_PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def post(client: Client, path: str, **body: str) -> Any:
    """The answer to a request for an account path."""
    return client.post(f"{ACCOUNTS}{path}/", body)


def signed_up_twice(client: Client, cognito: LocalCognito) -> str:
    """Mallory signs up with Grace's address, then Grace does; gives the code that Grace is mailed."""
    assert post(client, "sign-up", email=GRACE, password=MALLORYS).status_code == 201
    assert post(client, "sign-up", email=GRACE, password=GRACES).status_code == 201
    return str(wait_for_messages(cognito, GRACE, 2)[-1]["code"])


def stored(email: str) -> dict[str, Any]:
    """What is kept of the sign-up with this address, without what differs in every one."""
    (note,) = SignUp.objects.values()
    assert note["sub"]
    SignUp.objects.all().delete()
    return {name: value for name, value in note.items() if name not in ("email_hash", "sub", "created_at")}


def test_after_a_second_sign_up_the_password_given_with_the_code_is_the_only_one(
    visitor: Client, cognito: LocalCognito
) -> None:
    code = signed_up_twice(visitor, cognito)
    missing = post(visitor, "confirm-sign-up", email=GRACE, code=code)
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (400, "#/password")
    assert post(visitor, "confirm-sign-up", email=GRACE, code=code, password=GRACES).status_code == 200
    assert sign_in(visitor, GRACE, MALLORYS).json()["code"] == "invalid_credentials"
    grace = Person.signed_in(GRACE, GRACES)
    assert claims_of(grace.tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]
    assert not SignUp.objects.exists()


def test_the_page_asks_for_the_password_after_a_second_sign_up(visitor: Client, cognito: LocalCognito) -> None:
    code = signed_up_twice(visitor, cognito)
    browser = Browser()
    page = fill_in(browser, "confirm/", email=GRACE, code=code)
    assert "the sign-up had none, or was repeated" in text(page)
    assert fill_in(browser, "confirm/", email=GRACE, code=code, password=GRACES).status_code == 302
    assert sign_in(visitor, GRACE, MALLORYS).status_code == 401


def test_an_authenticator_app_registered_before_is_removed(visitor: Client, cognito: LocalCognito) -> None:
    code = signed_up_twice(visitor, cognito)
    pool = next(iter(cognito._running.store.pools()))
    user = pool.find(GRACE)
    assert user is not None
    pool.memory_of(user).totp_secret = "JBSWY3DPEHPK3PXP"  # pragma: allowlist secret
    app = {"Enabled": True, "PreferredMfa": True}
    get_gateway().administer("admin_set_user_mfa_preference", Username=GRACE, SoftwareTokenMfaSettings=app)
    assert post(visitor, "confirm-sign-up", email=GRACE, code=code, password=GRACES).status_code == 200
    assert "access_token" in sign_in(visitor, GRACE, GRACES).json()


def test_a_second_sign_up_with_the_same_password_confirms_with_it_though_the_pool_keeps_a_history(
    visitor: Client, cognito: LocalCognito
) -> None:
    pool = next(iter(cognito._running.store.pools()))
    pool.config["Policies"]["PasswordPolicy"]["PasswordHistorySize"] = 3
    for _ in range(2):
        post(visitor, "sign-up", email=GRACE, password=GRACES)
    code = str(wait_for_messages(cognito, GRACE, 2)[-1]["code"])
    assert post(visitor, "confirm-sign-up", email=GRACE, code=code, password=GRACES).status_code == 200
    assert Person.signed_in(GRACE, GRACES).verdict() == "ok"


def test_a_password_set_past_this_service_opens_nothing_either(visitor: Client, cognito: LocalCognito) -> None:
    get_gateway().sign_up(GRACE, MALLORYS, {})  # with the public id of the app client, at Cognito itself
    post(visitor, "sign-up", email=GRACE, password=GRACES)
    code = str(wait_for_messages(cognito, GRACE, 2)[-1]["code"])
    confirmed = post(visitor, "confirm-sign-up", email=GRACE, code=code)
    assert (confirmed.status_code, confirmed.json()["code"]) == (403, "password_reset_required")
    assert sign_in(visitor, GRACE, MALLORYS).json()["code"] == "invalid_credentials"
    post(visitor, "forgot-password", email=GRACE)
    reset = {"email": GRACE, "code": code_for(cognito, GRACE), "new_password": GRACES}
    assert post(visitor, "reset-password", **reset).status_code == 200
    grace = Person.signed_in(GRACE, GRACES)
    assert claims_of(grace.tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]


def test_the_page_leads_to_a_reset_where_the_password_is_somebody_elses(visitor: Client, cognito: LocalCognito) -> None:
    get_gateway().sign_up(GRACE, MALLORYS, {})
    post(visitor, "sign-up", email=GRACE, password=GRACES)
    code = str(wait_for_messages(cognito, GRACE, 2)[-1]["code"])
    answer = fill_in(Browser(), "confirm/", email=GRACE, code=code)
    assert answer.headers["Location"] == f"{PAGES}forgot-password/"


def test_a_password_that_could_not_be_set_leaves_the_account_closed_to_the_former_one(
    visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = signed_up_twice(visitor, cognito)

    def out_of_reach(*_: object) -> None:
        raise CognitoUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(administration, "set_password", out_of_reach)
        answer = post(visitor, "confirm-sign-up", email=GRACE, code=code, password=GRACES)
        assert answer.json()["code"] == "cognito_unavailable"
    assert sign_in(visitor, GRACE, MALLORYS).json()["code"] == "password_reset_required"
    post(visitor, "forgot-password", email=GRACE)
    reset = {"email": GRACE, "code": code_for(cognito, GRACE), "new_password": GRACES}
    assert post(visitor, "reset-password", **reset).status_code == 200
    assert Person.signed_in(GRACE, GRACES).verdict() == "ok"


@pytest.mark.parametrize("outcome", ["set", "reset", "failed"])
def test_whoever_signs_in_between_the_confirmation_and_the_new_password_is_signed_out(
    outcome: str, visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    if outcome == "reset":
        get_gateway().sign_up(GRACE, MALLORYS, {})
        post(visitor, "sign-up", email=GRACE, password=GRACES)
        code = str(wait_for_messages(cognito, GRACE, 2)[-1]["code"])
    else:
        code = signed_up_twice(visitor, cognito)
    pool = next(iter(cognito._running.store.pools()))
    gateway_class, mallory = type(get_gateway()), []
    confirm: Callable[..., None] = gateway_class.confirm_sign_up

    def mallory_follows(self: Any, email: str, code: str) -> None:
        confirm(self, email, code)
        mallory.append(Person.signed_in(GRACE, MALLORYS))
        user = pool.find(GRACE)
        assert user is not None
        pool.memory_of(user).totp_secret = "JBSWY3DPEHPK3PXP"  # pragma: allowlist secret
        app = {"Enabled": True, "PreferredMfa": True}
        get_gateway().administer("admin_set_user_mfa_preference", Username=GRACE, SoftwareTokenMfaSettings=app)

    def out_of_reach(*_: object) -> None:
        raise CognitoUnavailable

    given = {} if outcome == "reset" else {"password": GRACES}
    with monkeypatch.context() as patch:
        patch.setattr(gateway_class, "confirm_sign_up", mallory_follows)
        if outcome == "failed":
            patch.setattr(administration, "set_password", out_of_reach)
        confirmed = post(visitor, "confirm-sign-up", email=GRACE, code=code, **given)
    assert confirmed.status_code == {"set": 200, "reset": 403, "failed": 503}[outcome]
    (thief,) = mallory
    assert thief.verdict() == "token_revoked"
    again = post(visitor, "refresh", refresh_token=thief.tokens["refresh_token"])
    assert again.json()["code"] == "refresh_token_invalid"
    assert sign_in(visitor, GRACE, MALLORYS).status_code != 200
    if outcome != "set":
        post(visitor, "forgot-password", email=GRACE)
        reset = {"email": GRACE, "code": code_for(cognito, GRACE), "new_password": GRACES}
        assert post(visitor, "reset-password", **reset).status_code == 200
    assert Person.signed_in(GRACE, GRACES).verdict() == "ok"  # with no code of Mallory's authenticator app


@pytest.mark.parametrize("password", [None, GRACES])
def test_what_is_stored_does_not_depend_on_who_has_an_account(
    password: str | None, visitor: Client, cognito: LocalCognito
) -> None:
    given = {} if password is None else {"password": password}
    notes = []
    for email in ("user@example.com", "unknown@example.com"):
        for times in (1, 2):
            for _ in range(times):
                assert post(visitor, "sign-up", email=email, **given).status_code == 201
            notes.append(stored(email))
            for user in administration.list_people(email_prefix="unknown@", limit=9).people:
                get_gateway().administer("admin_delete_user", Username=user.username)
    assert notes[:2] == notes[2:]
    assert [note["needs_password"] for note in notes[:2]] == [password is None, True]


@pytest.mark.parametrize("sign_ups", [1, 2])
@pytest.mark.parametrize("given", [{}, {"password": GRACES}])
def test_a_wrong_code_tells_nothing_after_sign_ups(
    sign_ups: int, given: dict[str, str], visitor: Client, cognito: LocalCognito
) -> None:
    answers = []
    for email in ("user@example.com", "unknown@example.com"):
        for _ in range(sign_ups):
            post(visitor, "sign-up", email=email, **given)
        refused = post(visitor, "confirm-sign-up", email=email, code="000000").json()
        answers.append((refused["status"], refused["code"], refused.get("errors")))
    assert answers[0] == answers[1]


def test_signing_up_with_somebodys_address_gives_them_no_role_and_no_trouble(
    visitor: Client, cognito: LocalCognito, settings: Settings
) -> None:
    settings.COGNITO_SIGN_UP_ROLES = ["ROLE_GUEST", "ROLE_USER"]
    nora = administration.person("guest@example.com")
    get_gateway().administer("admin_remove_user_from_group", Username=nora.username, GroupName="ROLE_GUEST")
    post(visitor, "sign-up", email="guest@example.com", role="ROLE_USER")
    sign_up._mail_executor.submit(lambda: None).result()
    assert not [message for message in cognito.messages.all() if message["to"] == "guest@example.com"]
    tokens = sign_in(visitor, "guest@example.com", PASSWORD).json()
    assert "cognito:groups" not in claims_of(tokens["access_token"])


def test_an_address_that_another_provider_claims_uses_nobodys_sign_up(visitor: Client, cognito: LocalCognito) -> None:
    # Fred of another provider: no groups, an address that nobody verified, a subject that no sign-up here has made.
    fred = Person.signed_up(visitor, cognito, "fred@example.com")
    person = administration.person("fred@example.com")
    get_gateway().administer("admin_remove_user_from_group", Username=person.username, GroupName="ROLE_GUEST")
    claimed = [{"Name": "email", "Value": "frieda@example.com"}, {"Name": "email_verified", "Value": "false"}]
    get_gateway().administer("admin_update_user_attributes", Username=person.username, UserAttributes=claimed)
    post(visitor, "sign-up", email="frieda@example.com", password=NEW_PASSWORD)
    noted = SignUp.objects.get()
    tokens = fred.refreshed().tokens
    kept = Tokens(**{name: tokens[name] for name in ("access_token", "id_token", "refresh_token", "expires_in")})
    assert claims_of(kept.id_token)["email"] == "frieda@example.com"
    after = sign_in_flow.complete_hosted_sign_in(kept)
    assert "cognito:groups" not in claims_of(after.access_token)
    assert SignUp.objects.get() == noted


@pytest.mark.parametrize("made_here", [True, False])
def test_a_role_that_could_not_be_granted_is_granted_at_a_hosted_sign_in(
    made_here: bool, visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(*_: object) -> None:
        raise CognitoUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(administration, "grant", out_of_reach)
        if not made_here:
            get_gateway().sign_up(GRACE, MALLORYS, {})
        post(visitor, "sign-up", email=GRACE, password=GRACES)
        code = str(wait_for_messages(cognito, GRACE, 1 if made_here else 2)[-1]["code"])
        assert post(visitor, "confirm-sign-up", email=GRACE, code=code, password=GRACES).status_code == 200
    tokens = get_gateway().sign_in(GRACE, GRACES)
    assert isinstance(tokens, Tokens)
    after = sign_in_flow.complete_hosted_sign_in(tokens)
    assert claims_of(after.access_token)["cognito:groups"] == [Role.GUEST]


@pytest.mark.parametrize("email", [GRACE, "user@example.com"])
def test_a_sign_up_that_is_deleted_while_cognito_answers_is_no_error(
    email: str, visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway_class = type(get_gateway())
    sign_up_at_cognito = gateway_class.sign_up

    def meanwhile_confirmed(*args: Any) -> str:
        SignUp.objects.all().delete()
        return sign_up_at_cognito(*args)

    monkeypatch.setattr(gateway_class, "sign_up", meanwhile_confirmed)
    assert post(visitor, "sign-up", email=email, password=GRACES).status_code == 201


def test_a_sign_up_is_recorded_though_the_earlier_one_is_deleted_while_it_is_read(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    SignUp.objects.record(GRACE, Role.GUEST, needs_password=False)
    manager_class = type(SignUp.objects)
    get_or_create = manager_class.get_or_create

    def read_and_deleted(*args: Any, **kwargs: Any) -> Any:
        found = get_or_create(*args, **kwargs)
        monkeypatch.undo()
        SignUp.objects.all().delete()
        return found

    monkeypatch.setattr(manager_class, "get_or_create", read_and_deleted)
    pending, is_new = SignUp.objects.record(GRACE, Role.USER, needs_password=False)
    assert (pending.role, is_new) == (Role.USER, True)
    assert SignUp.objects.of(GRACE) == pending
