"""The end of tokens that name no session, of machines' tokens, and of accounts that have no password."""

import base64
import json
import time
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.browser import session
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.models import AuditRecord, User
from local_cognito import grants
from local_cognito.operations.sign_up import new_user
from local_cognito.server import LocalCognito
from local_cognito.store import Status
from tests.accounts.browsers import PROFILE, fill_in, is_signed_in, signed_in, text, tokens_of
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, claims_of, sign_in
from tests.accounts.test_admin_people import PEOPLE, act, browser
from tests.accounts.test_doctor import spoil_client
from tests.accounts.test_sessions import with_mfa
from tests.conftest import Client

__all__ = ["browser"]  # a fixture

USERS = f"{ACCOUNTS}users/"
HOSTED_SCOPE = "openid email profile aws.cognito.signin.user.admin"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, signed in."""
    return Person.signed_in("user@example.com")


@pytest.fixture
def admin(cognito: LocalCognito) -> Person:
    """Ada, an administrator, signed in."""
    return Person.signed_in("admin@example.com")


# --- Tokens that name no session ---


@pytest.fixture
def unnamed(cognito: LocalCognito) -> Person:
    """Uma, signed in through an app client that has token revocation off: her tokens name no session."""
    spoil_client(cognito, EnableTokenRevocation=False)
    person = Person.signed_in("user@example.com")
    assert not {"jti", "origin_jti"} & claims_of(person.tokens["access_token"]).keys()
    return person


@pytest.mark.parametrize("with_token", [True, False])
def test_signing_out_ends_tokens_that_name_no_session(with_token: bool, unnamed: Person, visitor: Client) -> None:
    client = unnamed.client if with_token else visitor
    assert client.post(f"{ACCOUNTS}sign-out/", {"refresh_token": unnamed.tokens["refresh_token"]}).status_code == 204
    assert unnamed.verdict() == "token_revoked"
    again = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": unnamed.tokens["refresh_token"]})
    assert again.json()["code"] == "refresh_token_invalid"
    assert Person.signed_in(unnamed.email).verdict() == "ok"


def test_a_token_that_names_a_session_ends_that_one_only(uma: Person) -> None:
    laptop = Person.signed_in(uma.email)
    body = {"refresh_token": uma.tokens["refresh_token"]}
    assert uma.client.post(f"{ACCOUNTS}sign-out/", body).status_code == 204
    assert (uma.verdict(), laptop.verdict()) == ("token_revoked", "ok")


def test_a_browser_whose_tokens_name_no_session_is_signed_out(unnamed: Person) -> None:
    browser = signed_in(unnamed.email)
    token = tokens_of(browser)["cognito_access_token"]
    stored = browser.session
    del stored["cognito_refresh_token"]
    stored.save()
    fill_in(browser, "sign-out/")
    assert Client().bearing(token).get(BOOKS).json()["code"] == "token_revoked"


# --- Machines ---


@pytest.fixture
def robot(cognito: LocalCognito) -> Callable[[], Client]:
    """Gets a token by itself (client credentials), and gives a client that bears it."""
    client_id, secret = cognito.machine_client()
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    form = urlencode({"grant_type": "client_credentials", "scope": "books/write"}).encode()

    def signed_in() -> Client:
        request = Request(f"{cognito.url}/oauth2/token", form, {"Authorization": f"Basic {basic}"})
        with urlopen(request) as answer:
            return Client().bearing(json.load(answer)["access_token"])

    return signed_in


def verdict(client: Client) -> str:
    """What the API says to the token: `ok`, or the code of the refusal."""
    answer = client.get(BOOKS)
    return "ok" if answer.status_code == 200 else answer.json()["code"]


def through_the_api(client_id: str) -> None:
    admin = Person.signed_in("admin@example.com")
    assert admin.client.post(f"{USERS}{client_id}/sign-out/").status_code == 204


def by_the_command(client_id: str) -> None:
    out = StringIO()
    call_command("revoke_machine", client_id, stdout=out)
    assert out.getvalue() == f"Tokens of {client_id} that were issued before are refused.\n"


@pytest.mark.parametrize("way", [through_the_api, by_the_command])
def test_an_administrator_ends_the_tokens_of_a_machine(
    way: Callable[[str], None], robot: Callable[[], Client], uma: Person, cognito: LocalCognito
) -> None:
    before = robot()
    assert verdict(before) == "ok"
    client_id, _ = cognito.machine_client()
    way(client_id)
    assert verdict(before) == "token_revoked"
    assert uma.verdict() == "ok"
    assert verdict(robot()) == "ok"  # whoever holds its secret gets another
    record = AuditRecord.objects.get()
    assert (record.subject, record.action, record.detail) == (client_id, "sign_out", "an app client")


def test_in_the_admin_too(browser: Any, robot: Callable[[], Client], cognito: LocalCognito) -> None:
    before, (client_id, _) = robot(), cognito.machine_client()
    assert f'href="{PEOPLE}{client_id}/change/"' in browser.get(PEOPLE).content.decode()
    page = browser.get(f"{PEOPLE}{client_id}/change/")
    assert "Refuse its tokens of before" in page.content.decode()
    assert "are refused. It can get another." in act(browser, client_id, "sign-out")
    assert verdict(before) == "token_revoked"


def test_a_machine_that_signs_a_person_out_keeps_its_own_token(robot: Callable[[], Client], uma: Person) -> None:
    machine = robot()
    body = {"refresh_token": uma.tokens["refresh_token"]}
    assert machine.post(f"{ACCOUNTS}sign-out/", body).status_code == 204
    assert (uma.verdict(), verdict(machine)) == ("token_revoked", "ok")


def test_an_app_client_of_nobody_has_no_tokens_to_end(admin: Person) -> None:
    with pytest.raises(CommandError, match="is not an app client"):
        call_command("revoke_machine", "somebody-elses")
    assert admin.client.post(f"{USERS}somebody-elses/sign-out/").status_code == 404
    assert not AuditRecord.objects.exists()


# --- Leaving without a password ---


@pytest.fixture
def tokens_of_gina(cognito: LocalCognito) -> Callable[..., Tokens]:
    """Gina, who has signed in through Google some seconds ago, on Cognito's own pages."""
    running = cognito._running
    with running.lock:
        client = running.store.client(cognito.environment()["COGNITO_CLIENT_ID"])
        gina = new_user(client.pool, "gina@example.com", {"email": "gina@example.com"}, "", Status.CONFIRMED)
        gina.username = "Google_1815"
        identity = json.dumps([{"providerName": "Google", "userId": "1815"}])
        gina.update_attributes([{"Name": "identities", "Value": identity}])
        client.pool.add(gina)

    def signed_in(seconds_ago: float = 0) -> Tokens:
        with running.lock:
            at = int(time.time() - seconds_ago)
            grant = grants.begin(running, client, gina, scope=HOSTED_SCOPE, auth_time=at)
            minted = grants.mint(running, client, gina, grant)
            refresh_token = grants.new_refresh_token(client, grant)
        return Tokens(
            access_token=minted["AccessToken"],
            id_token=minted["IdToken"],
            refresh_token=refresh_token,
            expires_in=minted["ExpiresIn"],
        )

    return signed_in


@pytest.fixture
def through_google(tokens_of_gina: Callable[..., Tokens]) -> Callable[..., Client]:
    """Gina, at the API."""
    return lambda seconds_ago: Client().bearing(tokens_of_gina(seconds_ago).access_token)


@pytest.fixture
def browser_of_gina(tokens_of_gina: Callable[..., Tokens], settings: Settings) -> Callable[..., Browser]:
    """Gina, in front of a browser."""

    def signed_in(seconds_ago: float) -> Browser:
        request, browser = HttpRequest(), Browser()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        session.begin(request, tokens_of_gina(seconds_ago), hosted=True)
        request.session.save()
        browser.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
        return browser

    return signed_in


@pytest.mark.parametrize("way", ["delete", "post"])
def test_who_signs_in_through_another_provider_leaves_after_a_fresh_sign_in(
    way: str, through_google: Callable[..., Client]
) -> None:
    gina = through_google(seconds_ago=60)
    left = gina.delete(f"{ACCOUNTS}me/") if way == "delete" else gina.post(f"{ACCOUNTS}me/delete/", {})
    assert left.status_code == 204
    assert verdict(gina) == "token_revoked"
    assert not get_gateway().administer("list_users", Filter='email = "gina@example.com"')["Users"]


def test_an_administrator_finds_demotes_and_disables_who_signs_in_through_another_provider(
    admin: Person, through_google: Callable[..., Client]
) -> None:
    gina = claims_of(through_google(seconds_ago=0).token)["sub"]
    assert admin.client.get(f"{USERS}{gina}/").json()["email"] == "gina@example.com"
    demoted = admin.client.put(f"{USERS}{gina}/role/", {"role": "ROLE_GUEST"})
    assert (demoted.status_code, demoted.json()["roles"]) == (200, ["ROLE_GUEST"])
    assert admin.client.post(f"{USERS}{gina}/disable/").status_code == 204
    assert not get_gateway().administer("admin_get_user", Username="Google_1815")["Enabled"]


@pytest.mark.parametrize("sub", ['x" or sub ^= "', "back%5Cslash", "Google_1815"])
def test_only_a_whole_subject_finds_somebody(sub: str, admin: Person, through_google: Callable[..., Client]) -> None:
    through_google(seconds_ago=0)
    assert admin.client.get(f"{USERS}{sub}/").status_code == 404


def test_a_sign_in_of_before_is_no_proof(through_google: Callable[..., Client]) -> None:
    gina = through_google(seconds_ago=400)
    refused = gina.delete(f"{ACCOUNTS}me/")
    assert (refused.status_code, refused.json()["code"]) == (400, "fresh_sign_in_needed")
    assert verdict(gina) == "ok"


def test_who_signs_in_through_another_provider_leaves_with_a_browser(browser_of_gina: Callable[..., Browser]) -> None:
    gina = browser_of_gina(seconds_ago=60)
    field = gina.get(f"{PROFILE}delete/").context["form"].fields["password"]
    assert not field.required
    assert fill_in(gina, "profile/delete/", password="").headers["Location"] == "/"
    assert not is_signed_in(gina)
    assert not get_gateway().administer("list_users", Filter='email = "gina@example.com"')["Users"]


def test_the_page_asks_for_a_fresh_sign_in_where_it_was_long_ago(browser_of_gina: Callable[..., Browser]) -> None:
    gina = browser_of_gina(seconds_ago=400)
    assert "Sign in again through your provider" in text(fill_in(gina, "profile/delete/", password=""))
    assert is_signed_in(gina)


def test_the_page_asks_whoever_has_a_password_for_it(uma: Person) -> None:
    browser = signed_in(uma.email)
    assert 'id="id_password_error"' in fill_in(browser, "profile/delete/", password="").content.decode()
    assert is_signed_in(browser)


def test_who_has_a_password_leaves_with_it_only(uma: Person) -> None:
    refused = uma.client.delete(f"{ACCOUNTS}me/")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/password")
    assert uma.verdict() == "ok"


# --- Whose password it is ---


def points_elsewhere(person: Person, email: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address in somebody's account has come to name somebody else in the pool."""
    gateway_class = type(get_gateway())
    sign_in_by: Callable[..., Any] = gateway_class.sign_in

    def elsewhere(self: Any, name: str, password: str) -> Any:
        return sign_in_by(self, email if name == person.email else name, password)

    monkeypatch.setattr(gateway_class, "sign_in", elsewhere)


@pytest.mark.parametrize("with_code", [False, True])
def test_the_right_password_of_somebody_else_proves_nothing(
    with_code: bool, uma: Person, admin: Person, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_code:
        with_mfa(admin, cognito)
    with monkeypatch.context() as patch:
        points_elsewhere(uma, admin.email, patch)
        refused = uma.client.post(f"{ACCOUNTS}me/delete/", {"password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (400, "current_password_wrong")
    assert uma.verdict() == "ok"
    assert sign_in(Client(), uma.email, PASSWORD).status_code == 200


def test_ones_own_password_proves_it_with_a_second_factor_too(uma: Person, cognito: LocalCognito) -> None:
    with_mfa(uma, cognito)
    assert uma.client.post(f"{ACCOUNTS}me/delete/", {"password": PASSWORD}).status_code == 204
    assert uma.verdict() == "token_revoked"
    assert not User.objects.filter(sub=uma.sub).exists()
