"""Signing in through the hosted pages: authorization code with PKCE, then tokens."""

from typing import Any

import pytest

from local_cognito import totp
from local_cognito.server import LocalCognito
from tests.local_cognito.browser import App, Browser, Page, form_of
from tests.local_cognito.people import ADA, GRACE, OTHER_PASSWORD, PASSWORD, Api, claims_of, refused
from tests.local_cognito.test_challenges import enrol, insist_on_mfa

CALLBACK = "http://127.0.0.1:8000/accounts/hosted/callback/"
SPA_CALLBACK = "http://localhost:5173/"


@pytest.fixture
def web(api: Api, cognito: LocalCognito) -> App:
    return App(cognito, api.web, CALLBACK, api.web_secret)


@pytest.fixture
def spa(api: Api, cognito: LocalCognito) -> App:
    return App(cognito, api.spa, SPA_CALLBACK)


@pytest.fixture
def browser() -> Browser:
    return Browser()


def sign_in(app: App, browser: Browser, email: str = ADA, password: str = PASSWORD, **changes: str | None) -> Page:
    """From the app's link through the form; gives the answer to it."""
    page = browser.open(app.authorize_url(**changes))
    assert page.status == 302
    page = browser.open(page.location)
    assert page.status == 200
    return browser.fill_in(page, username=email, password=password)


def tokens_of(app: App, browser: Browser) -> Any:
    return app.exchange(browser, sign_in(app, browser).query["code"]).json()


class TestTheWholeWay:
    def test_ada_comes_back_with_a_code_and_the_state(self, api: Api, web: App, browser: Browser) -> None:
        sub = api.join(ADA)
        page = sign_in(web, browser)
        assert page.status == 302
        assert page.location.startswith(f"{CALLBACK}?")
        assert page.query.keys() == {"code", "state"}
        assert page.query["state"] == "the state"
        answer = web.exchange(browser, page.query["code"])
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        tokens = answer.json()
        assert tokens.keys() == {"access_token", "id_token", "refresh_token", "expires_in", "token_type"}
        identity, access = claims_of(tokens["id_token"]), claims_of(tokens["access_token"])
        assert identity["nonce"] == "the nonce"
        assert identity["aud"] == access["client_id"] == web.client_id
        assert identity["email"] == ADA
        assert access["sub"] == sub
        assert access["scope"] == "openid email profile aws.cognito.signin.user.admin"
        assert api.public.get_user(AccessToken=tokens["access_token"])["Username"] == sub

    def test_a_single_page_app_needs_no_secret(self, api: Api, spa: App, browser: Browser) -> None:
        api.join(ADA)
        assert tokens_of(spa, browser)["token_type"] == "Bearer"

    def test_without_openid_there_is_no_id_token(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        for scope in ("email", "aws.cognito.signin.user.admin"):
            page = sign_in(web, Browser(), scope=scope)
            assert "id_token" not in web.exchange(browser, page.query["code"]).json()

    def test_without_a_scope_everything_the_client_may_have_is_asked_for(
        self, api: Api, web: App, browser: Browser
    ) -> None:
        api.join(ADA)
        code = sign_in(web, browser, scope=None).query["code"]
        scope = claims_of(web.exchange(browser, code).json()["access_token"])["scope"]
        assert scope == "openid email profile phone aws.cognito.signin.user.admin"

    def test_only_the_scope_for_it_opens_ones_own_account(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        code = sign_in(web, browser, scope="openid").query["code"]
        token = web.exchange(browser, code).json()["access_token"]
        with refused("NotAuthorizedException"):
            api.public.get_user(AccessToken=token)


class TestTheLink:
    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": "nobody"},
            {"client_id": None},
            {"redirect_uri": "http://evil.example/"},
            {"redirect_uri": CALLBACK + "x"},
            {"redirect_uri": CALLBACK.rstrip("/")},
            {"redirect_uri": CALLBACK + "?a=b"},
            {"redirect_uri": None},
        ],
    )
    @pytest.mark.parametrize("path", ["/oauth2/authorize", "/login"])
    def test_a_wrong_client_or_address_goes_nowhere(
        self, web: App, browser: Browser, changes: dict[str, str | None], path: str
    ) -> None:
        page = browser.open(web.authorize_url(**changes).replace("/oauth2/authorize", path))
        assert page.status == 400
        assert "Location" not in page.headers
        assert page.headers["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize(
        "changes,error",
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": None}, "unsupported_response_type"),
            ({"scope": "openid books/read"}, "invalid_scope"),
            ({"scope": "no_such"}, "invalid_scope"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"code_challenge": None}, "invalid_request"),
            ({"prompt": "none"}, "login_required"),
            ({"prompt": "none login"}, "invalid_request"),
        ],
    )
    def test_any_other_mistake_goes_back_to_the_app(
        self, web: App, browser: Browser, changes: dict[str, str | None], error: str
    ) -> None:
        page = browser.open(web.authorize_url(**changes))
        assert page.status == 302
        assert page.location.startswith(CALLBACK)
        assert page.query["error"] == error
        assert page.query["state"] == "the state"

    def test_a_parameter_given_twice_is_refused(self, web: App, browser: Browser) -> None:
        page = browser.open(web.authorize_url() + "&scope=openid")
        assert page.query["error"] == "invalid_request"
        assert browser.open(web.authorize_url() + "&redirect_uri=http://evil.example/").status == 400

    def test_a_public_client_must_use_pkce(self, spa: App, browser: Browser) -> None:
        page = browser.open(spa.authorize_url(code_challenge=None, code_challenge_method=None))
        assert page.query["error"] == "invalid_request"

    def test_a_machine_signs_nobody_in(self, cognito: LocalCognito, browser: Browser) -> None:
        machine, secret = cognito.machine_client()
        page = browser.open(App(cognito, machine, CALLBACK, secret).authorize_url())
        assert page.status == 400


class TestTheForm:
    def test_a_wrong_password_is_told_without_saying_who_exists(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        pages = [sign_in(web, Browser(), name, OTHER_PASSWORD) for name in (ADA, GRACE)]
        assert [page.status for page in pages] == [401, 401]
        assert "Location" not in pages[0].headers
        alarms = [page.text.split('role="alert"')[1].split("</p>")[0] for page in pages]
        assert alarms[0] == alarms[1]

    def test_a_mistake_may_be_corrected_on_the_same_page(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        page = sign_in(web, browser, ADA, OTHER_PASSWORD)
        assert form_of(page).fields["username"] == ADA
        assert browser.fill_in(page, password=PASSWORD).query["code"]

    def test_somebody_unconfirmed_hears_what_to_do(self, api: Api, web: App, browser: Browser) -> None:
        api.sign_up(ADA)
        page = sign_in(web, browser)
        assert page.status == 400
        assert "not confirmed" in page.text

    @pytest.mark.parametrize("how", ["no cookie", "other token", "no token"])
    def test_a_form_from_elsewhere_is_refused(self, api: Api, web: App, browser: Browser, how: str) -> None:
        api.join(ADA)
        page = browser.open(browser.open(web.authorize_url()).location)
        fields = {**form_of(page).fields, "username": ADA, "password": PASSWORD}
        if how == "no cookie":
            browser.cookies.clear()
        fields["csrf"] = {"no cookie": fields["csrf"], "other token": "guess", "no token": ""}[how]
        answer = browser.post_form(page.url, fields)
        assert answer.status == 403
        assert "Location" not in answer.headers

    def test_what_was_typed_comes_back_as_text(self, web: App, browser: Browser) -> None:
        page = sign_in(web, browser, '"><script>alert(1)</script>@example.com', PASSWORD)
        assert "<script>" not in page.text

    @pytest.mark.parametrize("step", ["", "NO_SUCH", "PASSWORD_VERIFIER", "SOFTWARE_TOKEN_MFA", "MFA_SETUP"])
    def test_a_step_nobody_asked_for_leads_back_to_the_beginning(self, web: App, browser: Browser, step: str) -> None:
        page = browser.open(browser.open(web.authorize_url()).location)
        fields = {**form_of(page).fields, "step": step, "session": "x" * 40, "username": ADA, "code": "123456"}
        answer = browser.post_form(page.url, fields)
        assert answer.status in (400, 401)
        assert form_of(answer).fields["step"] == "PASSWORD"

    def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script(self, web: App, browser: Browser) -> None:
        page = browser.open(browser.open(web.authorize_url()).location)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' http://127.0.0.1:8000" in policy
        assert "<script" not in page.text
        assert "://" not in page.text.replace("http%3A//", "").replace("urn:", "").split("<form")[0]
        assert browser.open(f"{web.cognito.url}/style.css").headers["Content-Type"].startswith("text/css")


class TestFurtherSteps:
    def test_somebody_invited_chooses_a_password(self, api: Api, web: App, browser: Browser) -> None:
        temporary = api.invite(ADA)
        page = sign_in(web, browser, ADA, temporary)
        assert "Choose a new password" in page.text
        page = browser.fill_in(page, password="weak")
        assert page.status == 400
        page = browser.fill_in(page, password=PASSWORD)
        assert web.exchange(browser, page.query["code"]).status == 200
        assert api.sign_in(ADA)

    def test_a_code_is_asked_for_and_may_be_corrected(
        self, api: Api, cognito: LocalCognito, web: App, browser: Browser
    ) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        page = sign_in(web, browser)
        assert "Enter your code" in page.text
        page = browser.fill_in(page, code="12")
        assert page.status == 400
        page = browser.fill_in(page, code=totp.code(secret, cognito.clock.now() + 30))
        assert web.exchange(browser, page.query["code"]).status == 200

    def test_an_app_is_set_up_where_the_pool_insists(
        self, api: Api, cognito: LocalCognito, web: App, browser: Browser
    ) -> None:
        api.join(ADA)
        insist_on_mfa(api)
        page = sign_in(web, browser)
        secret = form_of(page).fields["secret"]
        page = browser.fill_in(page, code="000")
        assert page.status == 400
        page = browser.fill_in(page, code=totp.code(secret, cognito.clock.now()))
        assert web.exchange(browser, page.query["code"]).status == 200

    def test_the_code_cannot_be_skipped(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        enrol(api, ADA)
        sign_in(web, browser)
        page = browser.open(web.authorize_url(prompt="none"))
        assert page.query["error"] == "login_required"


class TestOneSignInForAllApps:
    def test_the_second_app_asks_nothing(self, api: Api, web: App, spa: App, browser: Browser) -> None:
        api.join(ADA)
        sign_in(web, browser)
        page = browser.open(spa.authorize_url())
        assert page.location.startswith(f"{SPA_CALLBACK}?code=")
        assert browser.open(spa.authorize_url(prompt="none")).query["code"]
        assert "/login?" in browser.open(spa.authorize_url(prompt="login")).location

    def test_the_time_of_signing_in_is_that_of_the_form(
        self, api: Api, cognito: LocalCognito, web: App, browser: Browser
    ) -> None:
        api.join(ADA)
        first = claims_of(tokens_of(web, browser)["access_token"])
        cognito.clock.advance(600)
        code = browser.open(web.authorize_url()).query["code"]
        second = claims_of(web.exchange(browser, code).json()["access_token"])
        assert second["auth_time"] == first["auth_time"]
        assert second["iat"] >= first["iat"] + 600

    def test_it_lasts_an_hour(self, api: Api, cognito: LocalCognito, web: App, browser: Browser) -> None:
        api.join(ADA)
        sign_in(web, browser)
        cognito.clock.advance(3600)
        assert "/login?" in browser.open(web.authorize_url()).location

    def test_somebody_disabled_is_signed_out(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        sign_in(web, browser)
        api.admin.admin_disable_user(**api.in_pool(ADA))
        assert "/login?" in browser.open(web.authorize_url()).location


class TestSigningOut:
    def test_the_next_app_asks_again(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        sign_in(web, browser)
        stolen = dict(browser.cookies)
        url = f"{web.cognito.url}/logout?client_id={web.client_id}&logout_uri=http://127.0.0.1:8000/"
        page = browser.open(url)
        assert page.status == 302
        assert page.location == "http://127.0.0.1:8000/"
        assert "/login?" in browser.open(web.authorize_url()).location
        assert "/login?" in Browser(stolen).open(web.authorize_url()).location

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "client_id={client}",
            "client_id={client}&logout_uri=http://evil.example/",
            "client_id={client}&logout_uri=http://127.0.0.1:8000",
            "client_id=nobody&logout_uri=http://127.0.0.1:8000/",
            "client_id={client}&post_logout_redirect_uri=http://127.0.0.1:8000/",
        ],
    )
    def test_it_goes_to_registered_addresses_only(self, web: App, browser: Browser, query: str) -> None:
        page = browser.open(f"{web.cognito.url}/logout?{query.format(client=web.client_id)}")
        assert page.status == 400
        assert "Location" not in page.headers

    def test_it_may_lead_back_to_the_form(self, api: Api, web: App, browser: Browser) -> None:
        api.join(ADA)
        sign_in(web, browser)
        page = browser.open(web.authorize_url().replace("/oauth2/authorize", "/logout"))
        assert "/login?" in page.location
        assert browser.open(page.location).status == 200
