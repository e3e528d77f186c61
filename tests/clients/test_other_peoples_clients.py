"""pycognito and amazon-cognito-identity-js, unchanged, against the local Cognito; their tokens open our API."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from pycognito import Cognito
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from accounts.cognito.gateway import get_gateway
from local_cognito.server import LocalCognito
from tests.accounts.people import BOOKS, PASSWORD, Person, app_code
from tests.accounts.test_sessions import with_mfa
from tests.conftest import Client

HERE = Path(__file__).parent
BOOK = {"title": "Emma", "authors": ["Jane Austen"]}

pytestmark = pytest.mark.django_db


def srp(cognito: LocalCognito, password: str = PASSWORD, **options: Any) -> AWSSRP:
    """pycognito's SRP client for Uma, with the public app client unless told otherwise."""
    client = boto3.client("cognito-idp", region_name=cognito.region, endpoint_url=cognito.url)
    options.setdefault("client_id", cognito.spa_client())
    return AWSSRP(username="user@example.com", password=password, pool_id=cognito.pool_id, client=client, **options)


def test_srp_of_pycognito_signs_in_and_its_token_adds_a_book(visitor: Client, cognito: LocalCognito) -> None:
    tokens = srp(cognito).authenticate_user()["AuthenticationResult"]
    assert visitor.bearing(tokens["AccessToken"]).post(BOOKS, BOOK).status_code == 201


def test_srp_with_a_wrong_password_is_refused(cognito: LocalCognito) -> None:
    wrong = srp(cognito, password="Wrong-1815")
    with pytest.raises(wrong.client.exceptions.NotAuthorizedException):
        wrong.authenticate_user()


def test_srp_for_somebody_with_an_authenticator_app(cognito: LocalCognito) -> None:
    secret = with_mfa(Person.signed_in("user@example.com"), cognito)
    attempt = srp(cognito)
    with pytest.raises(SoftwareTokenMFAChallengeException) as challenge:
        attempt.authenticate_user()
    asked = challenge.value.get_tokens()
    done = attempt.client.respond_to_auth_challenge(
        ClientId=cognito.spa_client(),
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=asked["Session"],
        ChallengeResponses={
            "USERNAME": asked["ChallengeParameters"]["USER_ID_FOR_SRP"],
            "SOFTWARE_TOKEN_MFA_CODE": app_code(cognito, secret, nth=1),
        },
    )
    assert done["AuthenticationResult"]["AccessToken"]


def test_the_account_verbs_of_pycognito(visitor: Client, cognito: LocalCognito) -> None:
    options = {"boto3_client_kwargs": {"endpoint_url": cognito.url}, "user_pool_region": cognito.region}
    uma = Cognito(cognito.pool_id, cognito.spa_client(), username="user@example.com", **options)
    uma.authenticate(password=PASSWORD)
    assert visitor.bearing(uma.access_token).post(BOOKS, BOOK).status_code == 201
    assert uma.get_user().email == "user@example.com"
    uma.change_password(PASSWORD, "Another-1815")
    token = uma.access_token
    uma.logout()
    with pytest.raises(uma.client.exceptions.NotAuthorizedException):
        uma.client.get_user(AccessToken=token)
    assert get_gateway().sign_in("user@example.com", "Another-1815")


@pytest.mark.skipif(
    not shutil.which("node") or not (HERE / "node_modules").exists(),
    reason="needs node, and `npm ci` in tests/clients",
)
def test_the_javascript_client_signs_in_with_srp(visitor: Client, cognito: LocalCognito) -> None:
    def run(password: str) -> dict[str, str]:
        arguments = [cognito.url, cognito.pool_id, cognito.spa_client(), "user@example.com", password]
        ran = subprocess.run(
            ["node", "sign_in.mjs", *arguments], cwd=HERE, capture_output=True, text=True, check=True, timeout=60
        )
        said: dict[str, str] = json.loads(ran.stdout)
        return said

    signed_in = run(PASSWORD)
    assert signed_in["email"] == "user@example.com"
    assert visitor.bearing(signed_in["access_token"]).post(BOOKS, BOOK).status_code == 201
    assert run("Wrong-1815") == {"error": "NotAuthorizedException"}
