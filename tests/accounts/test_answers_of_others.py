"""Answers that do not come from Cognito count for nothing, and Cognito's refusals name their cause in the log alone."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django.fixtures import Settings

from accounts.browser import hosted
from accounts.cognito import administration
from accounts.cognito.causes import cause_of
from accounts.cognito.errors import CognitoUnavailable
from accounts.cognito.gateway import get_gateway
from accounts.models import SignUp, User
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, NEW_PASSWORD, PASSWORD, Person, code_for, sign_in
from tests.accounts.test_doctor import spoil_client
from tests.conftest import Client

GRACE = "grace@example.com"
AWS_JSON = "application/x-amz-json-1.1"
HTML = b"<html><body>Sign in to this network</body></html>"

pytestmark = pytest.mark.django_db(transaction=True)


class Between:
    """Somebody between us and the local Cognito, who hands everything on but what is `replaced`, by operation."""

    def __init__(self, cognito: LocalCognito) -> None:
        replaced = self.replaced = dict[str, tuple[int, str, bytes]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
                status, content_type, body = replaced.get(operation) or self._handed_on(asked)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Location", f"{cognito.url}/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _handed_on(self, asked: bytes) -> tuple[int, str, bytes]:
                headers = {name: self.headers[name] for name in ("X-Amz-Target", "Content-Type", "Authorization")}
                sent = {name: value for name, value in headers.items() if value}
                try:
                    with urllib.request.urlopen(urllib.request.Request(cognito.url, asked, sent)) as answer:
                        return answer.status, AWS_JSON, answer.read()
                except urllib.error.HTTPError as error:
                    return error.code, AWS_JSON, error.read()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answers(self, operation: str, status: int, content_type: str, body: bytes) -> None:
        """From now on this is the answer to `operation`, and Cognito never hears of it."""
        self.replaced[operation] = status, content_type, body


@pytest.fixture
def between(cognito: LocalCognito, settings: Settings) -> Iterator[Between]:
    somebody = Between(cognito)
    threading.Thread(target=somebody.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    settings.COGNITO_ENDPOINT_URL = somebody.url
    yield somebody
    somebody.server.shutdown()
    somebody.server.server_close()


FOREIGN = {
    "a page of a network": (200, "text/html", HTML),
    "a page under Cognito's content type": (200, AWS_JSON, HTML),
    "nothing": (200, AWS_JSON, b""),
    "JSON of somebody else": (200, "application/json", b"{}"),
    "a list": (200, AWS_JSON, b"[]"),
    "a number": (200, AWS_JSON, b"7"),
    "null": (200, AWS_JSON, b"null"),
    "no content": (204, AWS_JSON, b""),
    "a redirection": (302, "text/html", HTML),
    "a permanent redirection": (301, "text/html", b""),
    "a page that forbids": (403, "text/html", HTML),
    "JSON that forbids": (403, "application/json", b'{"message": "Forbidden"}'),
    "a page that says to wait": (429, "text/html", HTML),
    "JSON that says to wait": (429, "application/json", b'{"message": "Too Many Requests"}'),
    "not found": (404, "text/html", HTML),
    "a list for an error": (400, AWS_JSON, b'["UserNotFoundException"]'),
    "an error whose name is a number": (400, AWS_JSON, b'{"__type": 5}'),
    "an error whose message is a list": (400, AWS_JSON, b'{"__type": "CodeMismatchException", "message": []}'),
    "a page of a gateway": (502, "text/html", HTML),
    "a list of a gateway": (503, "application/json", b"[]"),
}
foreign = pytest.mark.parametrize("answer", FOREIGN.values(), ids=FOREIGN.keys())


@foreign
def test_a_foreign_answer_confirms_nobody(
    answer: tuple[int, str, bytes], visitor: Client, cognito: LocalCognito, between: Between
) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", {"email": GRACE, "password": NEW_PASSWORD})
    between.answers("ConfirmSignUp", *answer)
    body = {"email": GRACE, "code": code_for(cognito, GRACE)}
    refused = visitor.post(f"{ACCOUNTS}confirm-sign-up/", body)
    assert (refused.status_code, refused.json()["code"]) == (503, "cognito_unavailable")
    assert "Retry-After" in refused
    assert SignUp.objects.count() == 1
    between.replaced.clear()
    assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code == 200
    assert Person.signed_in(GRACE, NEW_PASSWORD).verdict() == "ok"


@foreign
def test_a_foreign_answer_changes_no_password(answer: tuple[int, str, bytes], between: Between) -> None:
    uma = Person.signed_in("user@example.com")
    between.answers("ChangePassword", *answer)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    refused = uma.client.post(f"{ACCOUNTS}change-password/", body)
    assert (refused.status_code, refused.json()["code"]) == (503, "cognito_unavailable")
    between.replaced.clear()
    assert sign_in(Client(), uma.email, PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "operation, method, path, body",
    [
        ("SignUp", "post", "sign-up/", {"email": GRACE, "password": NEW_PASSWORD}),
        ("ResendConfirmationCode", "post", "resend-code/", {"email": GRACE}),
        ("InitiateAuth", "post", "sign-in/", {"email": GRACE, "password": PASSWORD}),
        ("GetTokensFromRefreshToken", "post", "refresh/", {"refresh_token": "x"}),
        ("ForgotPassword", "post", "forgot-password/", {"email": GRACE}),
        ("RevokeToken", "post", "sign-out/", {"refresh_token": "x"}),
        ("GetUser", "get", "me/", None),
        ("UpdateUserAttributes", "patch", "me/", {"name": "Uma"}),
        ("AssociateSoftwareToken", "post", "me/mfa/", None),
        ("ListUsers", "get", "users/", None),
    ],
)
@pytest.mark.parametrize("answer", ["a page of a network", "a list", "a redirection", "a page that forbids"])
def test_whatever_was_asked_a_foreign_answer_is_no_answer(
    answer: str, operation: str, method: str, path: str, body: dict[str, str] | None, between: Between
) -> None:
    ada = Person.signed_in("admin@example.com")
    between.answers(operation, *FOREIGN[answer])
    refused = getattr(ada.client, method)(f"{ACCOUNTS}{path}", body)
    assert (refused.status_code, refused.json()["code"]) == (503, "cognito_unavailable")
    # A sign-out counts here even while Cognito does not answer.
    assert ada.verdict() == ("token_revoked" if path == "sign-out/" else "ok")


def test_a_foreign_answer_deletes_nobody(between: Between) -> None:
    uma = Person.signed_in("user@example.com")
    uma.client.post("/api/v1/books/", {"title": "Emma", "authors": ["Jane Austen"]})
    between.answers("DeleteUser", *FOREIGN["a page of a network"])
    assert uma.client.delete(f"{ACCOUNTS}me/", {"password": PASSWORD}).status_code == 503
    assert User.objects.filter(sub=uma.sub).exists()
    assert Person.signed_in(uma.email).verdict() == "ok"


def test_an_answer_without_what_was_asked_for_is_no_answer(between: Between) -> None:
    uma = Person.signed_in("user@example.com")
    between.answers("GetUser", 200, AWS_JSON, b"{}")
    refused = uma.client.get(f"{ACCOUNTS}me/")
    assert (refused.status_code, refused.json()["code"]) == (503, "cognito_unavailable")


@pytest.mark.parametrize(
    "result", [b"7", b"[]", b'{"AccessToken": 1, "IdToken": 2, "RefreshToken": 3, "ExpiresIn": 900}']
)
def test_tokens_that_are_no_strings_sign_nobody_in(result: bytes, visitor: Client, between: Between) -> None:
    between.answers("InitiateAuth", 200, AWS_JSON, b'{"AuthenticationResult": %s}' % result)
    refused = sign_in(visitor, "user@example.com", PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (503, "cognito_unavailable")


@pytest.mark.parametrize("body", [b'{"Users": 7}', b'{"Users": [7]}', b'{"Users": {"a": "b"}}'])
def test_an_answer_of_other_types_is_no_answer(body: bytes, between: Between) -> None:
    between.answers("ListUsers", 200, AWS_JSON, body)
    with pytest.raises(CognitoUnavailable):
        administration.list_people(limit=5)


TOKENS = b'{"access_token": 1, "id_token": 2, "refresh_token": 3, "expires_in": 900, "token_type": "Bearer"}'


@pytest.mark.parametrize(
    "answer",
    [*(answer for answer in FOREIGN.values() if answer[2] != b'{"__type": 5}'), (200, "application/json", TOKENS)],
)
def test_a_foreign_answer_of_the_token_endpoint_signs_nobody_in(
    answer: tuple[int, str, bytes], between: Between, settings: Settings
) -> None:
    settings.COGNITO_DOMAIN = between.url
    between.answers("/oauth2/token", *answer)
    attempt = hosted.Attempt(state="state", nonce="nonce", verifier="v" * 43)
    with pytest.raises(CognitoUnavailable):
        hosted.finish("http://testserver/accounts/hosted/callback/", "code", attempt)


# --- What Cognito itself refuses ---


def test_an_attribute_that_the_client_may_not_write_ends_no_token(
    cognito: LocalCognito, caplog: pytest.LogCaptureFixture
) -> None:
    uma = Person.signed_in("user@example.com")
    spoil_client(cognito, WriteAttributes=["email"])
    refused = uma.client.patch(f"{ACCOUNTS}me/", {"name": "Uma"})
    assert (refused.status_code, refused.json()["code"]) == (500, "cognito_misconfigured")
    assert "WWW-Authenticate" not in refused
    assert "WriteAttributes" in caplog.text
    assert uma.verdict() == "ok"


def test_a_token_that_has_ended_at_cognito_is_revoked_as_ever(cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    get_gateway().sign_out_everywhere(uma.tokens["access_token"])
    assert uma.client.get(f"{ACCOUNTS}me/").json()["code"] == "token_revoked"


def refusal(code: str, message: str) -> tuple[int, str, bytes]:
    """An error as Cognito has it."""
    return 400, AWS_JSON, f'{{"__type": "{code}", "message": "{message}"}}'.encode()


def test_a_refusal_by_a_trigger_names_the_trigger_in_the_log_and_not_its_words(
    visitor: Client, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    words = "grace@example.com is on list 4711"
    between.answers("SignUp", *refusal("UserLambdaValidationException", f"PreSignUp failed with error {words}."))
    refused = visitor.post(f"{ACCOUNTS}sign-up/", {"email": GRACE, "password": NEW_PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert "UserLambdaValidationException: the Lambda trigger PreSignUp." in caplog.text
    assert not any(word in caplog.text + refused.content.decode() for word in ("4711", "grace@"))


def test_an_attribute_that_the_pool_requires_is_not_blamed_on_the_address(
    visitor: Client, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    message = "Attributes did not conform to the schema: family_name: The attribute is required"
    between.answers("SignUp", *refusal("InvalidParameterException", message))
    refused = visitor.post(f"{ACCOUNTS}sign-up/", {"email": GRACE, "password": NEW_PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (500, "cognito_misconfigured")
    assert "the pool requires the attribute family_name" in caplog.text


def test_an_invalid_parameter_names_its_cause_in_the_log(
    visitor: Client, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    between.answers("SignUp", *refusal("InvalidParameterException", "Invalid email address format."))
    refused = visitor.post(f"{ACCOUNTS}sign-up/", {"email": GRACE, "password": NEW_PASSWORD})
    assert refused.json()["errors"] == [
        {"code": "invalid", "detail": "This address is not accepted.", "pointer": "#/email"}
    ]
    assert "InvalidParameterException: the form of the e-mail address." in caplog.text


@pytest.mark.parametrize(
    "message, told",
    [
        ("PreSignUp failed with error secret.", "the Lambda trigger PreSignUp"),
        (
            "PostConfirmation invocation failed due to error AccessDeniedException.",
            "the Lambda trigger PostConfirmation",
        ),
        ("Unrecognizable lambda output", "a Lambda trigger gave an answer that Cognito cannot read"),
        (
            "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length",
            "the form of the parameter password",
        ),
        (
            "Value 'secret' at 'userAttributes.1.member.value' failed to satisfy",
            "the form of the parameter userAttributes",
        ),
        ("Missing required parameter USERNAME", "the parameter USERNAME"),
        ("Attributes did not conform to the schema: phone_number: secret", "the attribute phone_number does not fit"),
        (
            "Attributes did not conform to the schema: custom:shoe: The attribute is required",
            "the attribute custom:shoe",
        ),
        ("USER_PASSWORD_AUTH flow not enabled for this client", "does not allow the flow: ExplicitAuthFlows"),
        ("Username cannot be of email format, since user pool is configured for email alias.", "as an alias"),
        ("SignUp is not permitted for this user pool", "only administrators create accounts"),
        ("Cannot reset password for the user as there is no registered/verified email or phone", "no verified address"),
        ("secret", "unknown cause"),
        ("Value at 'secret' failed to satisfy constraint", "unknown cause"),
        ("Attributes did not conform to the schema: secret: secret", "unknown cause"),
        ("secret failed with error secret", "unknown cause"),
        ("", "unknown cause"),
    ],
)
def test_a_cause_is_told_without_what_was_sent(message: str, told: str) -> None:
    found = cause_of(message).text
    assert told in found
    assert "secret" not in found
