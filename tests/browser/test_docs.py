"""Swagger UI: Authorize with PKCE in a window of Cognito's, with a pasted token, and calls with either."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_cognito.server import LocalCognito
    from tests.browser.conftest import Enter
    from tests.browser.person import Person

PASSWORD = "Passw0rd!"


def asks_who_they_are(person: Person) -> str:
    """The answer of GET /api/v1/accounts/me/, tried out on the page."""
    operation = person.page.locator("#operations-accounts-me")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody .response").first
    answer.wait_for()
    return answer.inner_text()


def test_authorize_signs_in_with_pkce_and_calls_carry_the_token(enter: Enter) -> None:
    uma = enter().opens("/api/docs/").presses("Authorize")
    asked: list[str] = []
    uma.context.on("request", lambda request: asked.append(request.url))
    hosted = uma.page.locator(".auth-container").filter(has_text="authorizationCode")
    with uma.context.expect_page() as opened:
        hosted.locator("button.authorize").click()
    window = opened.value
    window.get_by_label("E-mail").fill("user@example.com")
    window.get_by_label("Password").fill(PASSWORD)
    with window.expect_event("close"):
        window.get_by_role("button", name="Sign in").click()
    hosted.get_by_role("heading", name="Authorized", exact=True).wait_for()
    (authorize,) = [url for url in asked if "/oauth2/authorize?" in url]
    assert "code_challenge_method=S256" in authorize
    assert "client_secret" not in authorize
    uma.page.locator(".modal-ux").get_by_role("button", name="Close").last.click()
    assert "user@example.com" in asks_who_they_are(uma)


def test_a_pasted_token_opens_the_api_as_well(enter: Enter, cognito: LocalCognito) -> None:
    uma = enter().opens("/api/docs/")
    credentials = {"email": "user@example.com", "password": PASSWORD}
    token = uma.context.request.post("/api/v1/accounts/sign-in/", data=credentials).json()["access_token"]
    uma.presses("Authorize")
    bearer = uma.page.locator(".auth-container").filter(has_text="bearer")
    bearer.get_by_role("textbox").fill(token)
    bearer.get_by_role("button", name="Apply credentials").click()
    uma.page.locator(".modal-ux").get_by_role("button", name="Close").last.click()
    assert "user@example.com" in asks_who_they_are(uma)


def test_without_either_a_call_is_refused(enter: Enter) -> None:
    visitor = enter().forgives("status of 401").opens("/api/docs/")
    assert "not_authenticated" in asks_who_they_are(visitor)
