"""Ada, Grace and Katherine, and what they and an administrator do through real boto3 over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cognito.client_auth import secret_hash
from local_cognito.server import LocalCognito

ADA = "ada@example.com"
GRACE = "grace@example.com"
KATHERINE = "katherine@example.com"
PASSWORD = "Correct-Horse-7"
OTHER_PASSWORD = "Battery-Staple-8"
_ONE_TRY = {"total_max_attempts": 1, "mode": "standard"}


def claims_of(token: str) -> dict[str, Any]:
    """What is written in a token; whether it is genuine is tested elsewhere."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The operation inside ends with this error code."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code


class Api:
    """Two boto3 clients as the service has them (``public`` unsigned, ``admin`` signed), and the usual errands."""

    def __init__(self, cognito: LocalCognito) -> None:
        self.cognito = cognito
        self.pool_id = cognito.pool_id
        environment = cognito.environment()
        self.web = environment["COGNITO_CLIENT_ID"]
        self.web_secret = environment["COGNITO_CLIENT_SECRET"]
        self.spa = cognito.spa_client()
        settings: dict[str, Any] = {"region_name": cognito.region, "endpoint_url": cognito.url}
        self.public = boto3.client(
            "cognito-idp", config=Config(signature_version=UNSIGNED, retries=_ONE_TRY), **settings
        )
        self.admin = boto3.client(
            "cognito-idp",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries=_ONE_TRY),
            **settings,
        )

    def hash_for(self, name: str) -> str:
        """The web client's SECRET_HASH for a user name."""
        return secret_hash(self.web, self.web_secret, name)

    def web_call(self, name: str) -> dict[str, str]:
        """ClientId, SecretHash and Username, which many operations take."""
        return {"ClientId": self.web, "SecretHash": self.hash_for(name), "Username": name}

    def last_code(self, email: str) -> str:
        """The code of the newest message to somebody."""
        return next(m["code"] for m in reversed(self.cognito.messages.all()) if m["to"] == email)

    def sign_up(self, email: str, password: str = PASSWORD, **attributes: str) -> str:
        """SignUp by the web client; gives the sub."""
        given = [{"Name": name, "Value": value} for name, value in attributes.items()]
        answer = self.public.sign_up(**self.web_call(email), Password=password, UserAttributes=given)
        sub: str = answer["UserSub"]
        return sub

    def confirm(self, email: str) -> None:
        """ConfirmSignUp with the code that was sent."""
        self.public.confirm_sign_up(**self.web_call(email), ConfirmationCode=self.last_code(email))

    def join(self, email: str, password: str = PASSWORD, **attributes: str) -> str:
        """Sign up and confirm; gives the sub."""
        sub = self.sign_up(email, password, **attributes)
        self.confirm(email)
        return sub

    def start(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """InitiateAuth by the web client with a password; gives the whole answer."""
        answer: dict[str, Any] = self.public.initiate_auth(
            ClientId=self.web,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, "SECRET_HASH": self.hash_for(email)},
        )
        return answer

    def sign_in(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """Tokens of the web client."""
        tokens: dict[str, Any] = self.start(email, password)["AuthenticationResult"]
        return tokens

    def sign_in_spa(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """Tokens of the public client."""
        tokens: dict[str, Any] = self.public.initiate_auth(
            ClientId=self.spa,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )["AuthenticationResult"]
        return tokens

    def refresh(self, refresh_token: str, sub: str) -> dict[str, Any]:
        """REFRESH_TOKEN_AUTH by the web client."""
        tokens: dict[str, Any] = self.public.initiate_auth(
            ClientId=self.web,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": refresh_token, "SECRET_HASH": self.hash_for(sub)},
        )["AuthenticationResult"]
        return tokens

    def answer(self, challenge: dict[str, Any], username: str, **responses: str) -> dict[str, Any]:
        """RespondToAuthChallenge by the web client."""
        answer: dict[str, Any] = self.public.respond_to_auth_challenge(
            ClientId=self.web,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses={"USERNAME": username, "SECRET_HASH": self.hash_for(username), **responses},
        )
        return answer

    def in_pool(self, email: str) -> dict[str, str]:
        """UserPoolId and Username, which Admin operations take."""
        return {"UserPoolId": self.pool_id, "Username": email}

    def attributes(self, email: str) -> dict[str, str]:
        """Somebody's attributes as an administrator sees them."""
        answer = self.admin.admin_get_user(**self.in_pool(email))
        return {item["Name"]: item["Value"] for item in answer["UserAttributes"]}

    def invite(self, email: str, **more: Any) -> str:
        """AdminCreateUser; gives the temporary password from the mail."""
        self.admin.admin_create_user(
            **self.in_pool(email),
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            **more,
        )
        return self.last_code(email)
