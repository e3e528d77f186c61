"""/oauth2/token, /oauth2/revoke and /oauth2/userInfo."""

from typing import Any

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.browser import App, Browser, Page, basic
from tests.local_cognito.people import ADA, GRACE, PASSWORD, Api, claims_of, refused
from tests.local_cognito.test_hosted_sign_in import CALLBACK, SPA_CALLBACK, sign_in


@pytest.fixture
def web(api: Api, cognito: LocalCognito) -> App:
    api.join(ADA, name="Ada Lovelace")
    return App(cognito, api.web, CALLBACK, api.web_secret)


@pytest.fixture
def browser() -> Browser:
    return Browser()


def code_for(app: App, **changes: str | None) -> str:
    return sign_in(app, Browser(), ADA, PASSWORD, **changes).query["code"]


def post(cognito: LocalCognito, fields: dict[str, str], path: str = "token", **headers: str) -> Page:
    return Browser().post_form(f"{cognito.url}/oauth2/{path}", fields, **headers)


def error_of(page: Page) -> Any:
    assert page.status == 400
    assert page.headers["Content-Type"] == "application/json"
    return page.json()["error"]


class TestCodes:
    def test_a_code_works_once_and_a_second_try_ends_what_came_of_it(
        self, api: Api, web: App, browser: Browser
    ) -> None:
        code = code_for(web)
        tokens = web.exchange(browser, code).json()
        assert error_of(web.exchange(browser, code)) == "invalid_grant"
        with refused("NotAuthorizedException"):
            api.public.get_user(AccessToken=tokens["access_token"])

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "unknown"},
            {"redirect_uri": SPA_CALLBACK},
            {"redirect_uri": ""},
            {"code_verifier": "x" * 43},
            {"code_verifier": "short"},
            {"code_verifier": ""},
        ],
    )
    def test_a_code_needs_its_address_and_verifier(self, web: App, browser: Browser, changes: dict[str, str]) -> None:
        assert error_of(web.exchange(browser, code_for(web), **changes)) == "invalid_grant"

    def test_a_code_without_challenge_takes_no_verifier(self, web: App, browser: Browser) -> None:
        code = code_for(web, code_challenge=None, code_challenge_method=None)
        assert error_of(web.exchange(browser, code)) == "invalid_grant"

    def test_a_code_belongs_to_its_client(self, api: Api, web: App, browser: Browser) -> None:
        spa = App(web.cognito, api.spa, SPA_CALLBACK, verifier=web.verifier)
        assert error_of(spa.exchange(browser, code_for(web), redirect_uri=CALLBACK)) == "invalid_grant"

    def test_a_code_lasts_five_minutes(self, cognito: LocalCognito, web: App, browser: Browser) -> None:
        code = code_for(web)
        cognito.clock.advance(300)
        assert error_of(web.exchange(browser, code)) == "invalid_grant"

    def test_somebody_disabled_meanwhile_gets_nothing(self, api: Api, web: App, browser: Browser) -> None:
        code = code_for(web)
        api.admin.admin_disable_user(**api.in_pool(ADA))
        assert error_of(web.exchange(browser, code)) == "invalid_grant"


class TestClients:
    def test_a_secret_comes_in_the_body_or_by_basic(self, api: Api, web: App) -> None:
        fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": web.verifier}
        for client_id, secret in (
            (api.web, api.web_secret),
            # Form-encoded inside Basic (RFC 6749 section 2.3.1), as some libraries do for every character.
            ("".join(f"%{ord(c):02x}" for c in api.web), "".join(f"%{ord(c):02X}" for c in api.web_secret)),
        ):
            answer = post(web.cognito, {**fields, "code": code_for(web)}, Authorization=basic(client_id, secret))
            assert answer.status == 200

    @pytest.mark.parametrize(
        "header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "basic", basic("nobody", "x")]
    )
    def test_a_strange_header_is_an_invalid_client(self, web: App, header: str) -> None:
        fields = {"grant_type": "client_credentials"}
        assert error_of(post(web.cognito, fields, Authorization=header)) == "invalid_client"

    def test_a_wrong_or_missing_secret_is_an_invalid_client(self, web: App, browser: Browser) -> None:
        code = code_for(web)
        for secret in ("", "wrong"):
            assert error_of(web.exchange(browser, code, client_secret=secret)) == "invalid_client"
        assert web.exchange(browser, code).status == 200

    def test_a_public_client_has_no_secret(self, api: Api, web: App, browser: Browser) -> None:
        spa = App(web.cognito, api.spa, SPA_CALLBACK)
        assert error_of(spa.exchange(browser, code_for(spa), client_secret=api.web_secret)) == "invalid_client"

    def test_two_ways_at_once_are_refused(self, api: Api, web: App) -> None:
        fields = {"grant_type": "client_credentials", "client_id": api.web, "client_secret": api.web_secret}
        page = post(web.cognito, fields, Authorization=basic(api.web, api.web_secret))
        assert error_of(page) == "invalid_request"

    @pytest.mark.parametrize("grant_type", ["password", "implicit", "", "urn:x"])
    def test_other_grants_do_not_exist(self, api: Api, web: App, grant_type: str) -> None:
        fields = {"grant_type": grant_type, "client_id": api.spa}
        assert error_of(post(web.cognito, fields)) in ("unsupported_grant_type", "invalid_request")

    def test_the_body_must_be_a_form(self, cognito: LocalCognito) -> None:
        page = Browser().open(f"{cognito.url}/oauth2/token", "POST", "{}", Content_Type="application/json")
        assert error_of(page) == "invalid_request"
        assert Browser().open(f"{cognito.url}/oauth2/token").status == 405


class TestRefreshing:
    def test_the_web_client_keeps_its_refresh_token(self, api: Api, web: App, browser: Browser) -> None:
        tokens = web.exchange(browser, code_for(web)).json()
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": api.web,
            "client_secret": api.web_secret,
        }
        fresh = post(web.cognito, fields).json()
        assert "refresh_token" not in fresh
        before, after = claims_of(tokens["access_token"]), claims_of(fresh["access_token"])
        assert (after["origin_jti"], after["scope"]) == (before["origin_jti"], before["scope"])

    def test_the_public_client_gets_another(self, api: Api, web: App, cognito: LocalCognito) -> None:
        spa = App(cognito, api.spa, SPA_CALLBACK)
        tokens = spa.exchange(Browser(), code_for(spa)).json()
        fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": api.spa}
        fresh = post(cognito, fields).json()
        assert fresh["refresh_token"] != tokens["refresh_token"]
        cognito.clock.advance(11)
        assert error_of(post(cognito, fields)) == "invalid_grant"
        assert error_of(post(cognito, {**fields, "refresh_token": fresh["refresh_token"]})) == "invalid_grant"


class TestMachines:
    def token(self, cognito: LocalCognito, **fields: str) -> Page:
        machine, secret = cognito.machine_client()
        return post(cognito, {"grant_type": "client_credentials", **fields}, Authorization=basic(machine, secret))

    def test_a_machine_signs_in_by_itself(self, api: Api, cognito: LocalCognito) -> None:
        answer = self.token(cognito, scope="books/read books/write").json()
        assert answer.keys() == {"access_token", "expires_in", "token_type"}
        claims = claims_of(answer["access_token"])
        machine, _ = cognito.machine_client()
        assert claims["sub"] == claims["client_id"] == machine
        assert claims["scope"] == "books/read books/write"
        assert claims["token_use"] == "access"
        assert not {"username", "cognito:groups", "origin_jti"} & claims.keys()
        for operation in (api.public.get_user, api.public.global_sign_out, api.public.delete_user):
            with refused("NotAuthorizedException"):
                operation(AccessToken=answer["access_token"])

    def test_without_a_scope_it_has_all_of_its_own(self, cognito: LocalCognito) -> None:
        claims = claims_of(self.token(cognito).json()["access_token"])
        assert claims["scope"] == "books/read books/write books/admin"

    @pytest.mark.parametrize("scope", ["books/burn", "openid", "aws.cognito.signin.user.admin", "books/read x"])
    def test_it_has_no_other_scope(self, cognito: LocalCognito, scope: str) -> None:
        assert error_of(self.token(cognito, scope=scope)) == "invalid_scope"

    def test_people_s_clients_are_no_machines(self, api: Api, cognito: LocalCognito) -> None:
        fields = {"grant_type": "client_credentials"}
        page = post(cognito, fields, Authorization=basic(api.web, api.web_secret))
        assert error_of(page) == "unauthorized_client"
        assert error_of(post(cognito, {**fields, "client_id": api.spa})) == "unauthorized_client"


class TestRevoking:
    def test_a_sign_in_ends(self, api: Api, web: App, browser: Browser) -> None:
        tokens = web.exchange(browser, code_for(web)).json()
        fields = {"token": tokens["refresh_token"], "client_id": api.web, "client_secret": api.web_secret}
        for _ in range(2):
            page = post(web.cognito, fields, "revoke")
            assert (page.status, page.text) == (200, "")
        with refused("NotAuthorizedException"):
            api.public.get_user(AccessToken=tokens["access_token"])
        assert post(web.cognito, {**fields, "token": "unknown"}, "revoke").status == 200
        assert error_of(post(web.cognito, {**fields, "token": tokens["access_token"]}, "revoke")) == (
            "unsupported_token_type"
        )
        assert error_of(post(web.cognito, {"client_id": api.spa}, "revoke")) == "invalid_request"

    def test_another_clients_token_stays(self, api: Api, web: App, browser: Browser) -> None:
        tokens = web.exchange(browser, code_for(web)).json()
        fields = {"token": tokens["refresh_token"], "client_id": api.spa}
        assert error_of(post(web.cognito, fields, "revoke")) == "invalid_client"
        assert api.public.get_user(AccessToken=tokens["access_token"])


class TestUserInfo:
    def ask(self, cognito: LocalCognito, token: str) -> Page:
        return Browser().open(f"{cognito.url}/oauth2/userInfo", Authorization=f"Bearer {token}")

    def test_scopes_say_what_is_told(self, web: App, browser: Browser) -> None:
        told = {}
        for scope in ("openid", "openid email", "openid profile", "email"):
            token = web.exchange(browser, code_for(web, scope=scope)).json()["access_token"]
            told[scope] = self.ask(web.cognito, token)
        assert told["openid"].json().keys() == {"sub", "username"}
        assert told["openid email"].json()["email"] == ADA
        assert told["openid email"].json()["email_verified"] == "true"
        assert told["openid profile"].json()["name"] == "Ada Lovelace"
        assert "email" not in told["openid profile"].json()
        assert told["email"].status == 401

    @pytest.mark.parametrize("header", ["", "Basic x", "Bearer", "Bearer x", "Bearer a.b.c"])
    def test_a_bad_token_is_a_401_that_says_so(self, cognito: LocalCognito, header: str) -> None:
        page = Browser().open(f"{cognito.url}/oauth2/userInfo", Authorization=header)
        assert page.status == 401
        assert page.headers["WWW-Authenticate"].startswith("Bearer error=")

    def test_somebody_deleted_is_told_nothing_of(self, api: Api, web: App, browser: Browser) -> None:
        token = web.exchange(browser, code_for(web)).json()["access_token"]
        assert self.ask(web.cognito, token).status == 200
        api.admin.admin_delete_user(**api.in_pool(ADA))
        assert self.ask(web.cognito, token).status == 401
        api.join(GRACE)
        assert self.ask(web.cognito, token).status == 401
