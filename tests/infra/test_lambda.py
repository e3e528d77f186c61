"""The handler of docs/lambda.md, run as it stands there, with events as API Gateway sends them."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_cognito import demo
from local_cognito.server import LocalCognito
from tests.service import ROOT, manage, production

PAGE = (ROOT / "docs" / "lambda.md").read_text()
HANDLER = PAGE.partition("```python\n")[2].partition("```")[0]

# A function's environment: it loads the handler, with a Secrets Manager of its own, then gets one event after another.
# {"frozen": seconds} is a freeze, through which its monotonic clock stands still; {"signed_out": sub} is what another
# environment does meanwhile.
ENVIRONMENT = """
import json, os, sys, time
from datetime import UTC, datetime, timedelta
from moto import mock_aws

with mock_aws():
    import boto3
    secrets = boto3.client("secretsmanager", "eu-west-1")
    os.environ["SECRETS_ARN"] = secrets.create_secret(Name="books", SecretString=sys.stdin.readline())["ARN"]
    from handler import handler
from accounts.models import Revocation

clock, frozen = time.time, 0.0
time.time = lambda: clock() + frozen
for line in sys.stdin:
    event, answer = json.loads(line), None
    if "frozen" in event:
        frozen += event["frozen"]
    elif "signed_out" in event:
        day = datetime.now(UTC) + timedelta(days=1)
        Revocation.objects.create(sub=event["signed_out"], not_before=int(clock()) + 1, expires_at=day)
    else:
        answer = handler(event, None)
    print("ANSWER", json.dumps(answer), flush=True)
"""

SECRETS = ("DJANGO_SECRET_KEY", "DATABASE_URL", "COGNITO_CLIENT_SECRET")


class Function:
    """A function's environment, in a process of its own."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        (folder / "handler.py").write_text(HANDLER)
        secrets = {name: environment[name] for name in SECRETS}
        shown = {name: value for name, value in environment.items() if name not in SECRETS}
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENVIRONMENT],
            cwd=ROOT,
            env={**shown, "PYTHONPATH": str(folder), "AWS_DEFAULT_REGION": "eu-west-1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(secrets))

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> dict[str, Any]:
        """The answer to a request, as an HTTP API of API Gateway sends it (payload format 2.0)."""
        path, _, query = path.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.meet(
            {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": query,
                "headers": {
                    "host": "books.example.com",
                    "accept": "application/json",
                    "content-type": "application/json",
                    "x-forwarded-for": "203.0.113.9",
                    "x-forwarded-port": "443",
                    "x-forwarded-proto": "https",
                    **sent,
                },
                "requestContext": {
                    "accountId": "123456789012",
                    "domainName": "books.example.com",
                    "http": {
                        "method": method,
                        "path": path,
                        "protocol": "HTTP/1.1",
                        "sourceIp": "203.0.113.9",
                        "userAgent": "curl/8.5.0",
                    },
                    "requestId": "JKJaXmPLvHcESHA=",
                    "stage": "$default",
                },
                "body": base64.b64encode(body.encode()).decode(),
                "isBase64Encoded": True,
            }
        )

    def meet(self, event: dict[str, Any]) -> dict[str, Any]:
        """What comes of an event; nothing comes of what is none of AWS's."""
        self._send(json.dumps(event))
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("ANSWER "):
                answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER ")) or {}
                return answer
        raise AssertionError("The function has ended.")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


@pytest.fixture(scope="module")
def function(stand_in: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function with a database of its own, beside the local Cognito."""
    folder = tmp_path_factory.mktemp("lambda")
    environment = production(
        stand_in,
        folder / "db.sqlite3",
        WORKERS="1",
        DJANGO_HTTPS="true",
        DJANGO_ALLOWED_HOSTS="books.example.com",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    environment.pop("REDIS_URL", None)
    manage(environment, "migrate", "--verbosity", "0")
    function = Function(environment, folder)
    yield function
    function.stop()


@pytest.fixture
def token(function: Function, stand_in: LocalCognito) -> str:
    """Uma's access token, from signing in at the function, with the password that she has at first."""
    stand_in.reset()
    credentials = json.dumps({"email": "user@example.com", "password": demo.PASSWORD})
    answer = function.ask("POST", "/api/v1/accounts/sign-in/", credentials)
    return str(json.loads(answer["body"])["access_token"])


def test_anyone_may_read(function: Function) -> None:
    answer = function.ask("GET", "/api/v1/books/?page_size=5")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert json.loads(answer["body"])["results"] == []


def test_nobody_writes_without_a_token(function: Function) -> None:
    answer = function.ask("POST", "/api/v1/books/", "{}")
    assert answer["statusCode"] == 401
    assert answer["headers"]["www-authenticate"].startswith("Bearer")
    assert json.loads(answer["body"])["code"] == "not_authenticated"


def test_uma_signs_in_and_adds_a_book(function: Function, token: str) -> None:
    book = json.dumps({"title": "Übermut", "authors": ["Uma"]}, ensure_ascii=False)
    answer = function.ask("POST", "/api/v1/books/", book, authorization=f"Bearer {token}")
    assert answer["statusCode"] == 201
    found = function.ask("GET", "/api/v1/books/?search=%C3%BCbermut")
    assert [book["title"] for book in json.loads(found["body"])["results"]] == ["Übermut"]


def test_a_request_keeps_its_id(function: Function) -> None:
    assert function.ask("GET", "/api/v1/books/", x_request_id="abc-123")["headers"]["x-request-id"] == "abc-123"
    assert len(function.ask("GET", "/api/v1/books/")["headers"]["x-request-id"]) == 32


def test_bytes_arrive_as_they_are(function: Function) -> None:
    answer = function.ask("GET", "/api/schema/", accept="application/vnd.oai.openapi")
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]).startswith(b"openapi: 3")


def test_an_https_request_is_not_redirected_and_an_http_one_is(function: Function) -> None:
    path = "/api/v1/books/"
    assert function.ask("GET", path)["statusCode"] == 200
    redirected = function.ask("GET", path, x_forwarded_proto="http")
    assert (redirected["statusCode"], redirected["headers"]["location"]) == (301, f"https://books.example.com{path}")


def test_who_was_signed_out_during_a_freeze_stays_out(function: Function, token: str) -> None:
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    bearer = {"authorization": f"Bearer {token}"}
    assert function.ask("GET", "/api/v1/accounts/me/", **bearer)["statusCode"] == 200
    function.meet({"signed_out": claims["sub"]})
    # Its own clock says that it has just looked.
    function.meet({"frozen": 60})
    refused = function.ask("GET", "/api/v1/accounts/me/", **bearer)
    assert (refused["statusCode"], json.loads(refused["body"])["code"]) == (401, "token_revoked")
