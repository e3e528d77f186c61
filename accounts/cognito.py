"""What do we ask of Amazon Cognito? The only door to `boto3`, in verbs of our own.

Nothing behind this door is logged or forwarded but Cognito's error code: its messages echo what was sent.
"""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.conf import CognitoConfig, get_config
from accounts.exceptions import (
    ERRORS_OF_COGNITO,
    AccountError,
    CognitoMisconfigured,
    CognitoUnavailable,
    InvalidCredentials,
)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5

ErrorsByCode = Mapping[str, type[AccountError]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a completed sign-in gives. `expires_in` is the life of the access token in seconds."""

    access_token: str
    id_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What Cognito wants to see before it gives tokens. `session` is its own handle: keep it from logs."""

    name: str
    session: str
    username: str
    parameters: Mapping[str, str]


class CognitoGateway:
    """The operations of one user pool. Safe to share between threads; make one per process, after any fork."""

    def __init__(self, config: CognitoConfig) -> None:
        self._config = config
        # Public operations are never signed (botocore's own model says so), and never retried: a repeated SignUp
        # comes back as "user exists", a repeated code as "expired". The credential chain is not touched.
        self._public = boto3.session.Session().client(
            "cognito-idp",
            region_name=config.region,
            endpoint_url=config.endpoint_url or None,
            config=Config(
                signature_version=UNSIGNED,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=32,
            ),
        )

    def sign_in(self, email: str, password: str) -> Tokens | Challenge:
        """Sign in with a password (InitiateAuth, USER_PASSWORD_AUTH).

        Raises InvalidCredentials, UserNotConfirmed, PasswordResetRequired, TooManyAttempts, CognitoUnavailable
        or CognitoMisconfigured.
        """
        answer = self._call(
            "initiate_auth",
            _SIGN_IN_ERRORS,
            ClientId=self._config.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, **self._secret_hash(email)},
        )
        return _outcome(answer, email)

    def _secret_hash(self, username: str) -> dict[str, str]:
        """SECRET_HASH for a client that has a secret: base64(HMAC-SHA256(secret, user name + client id)).

        Source: AWS, "Computing secret hash values", Cognito developer guide.
        """
        config = self._config
        if not config.client_secret:
            return {}
        message = (username + config.client_id).encode()
        digest = hmac.new(config.client_secret.encode(), message, hashlib.sha256).digest()
        return {"SECRET_HASH": base64.b64encode(digest).decode()}

    def _call(self, operation: str, errors: ErrorsByCode, **parameters: Any) -> dict[str, Any]:
        """Call a public operation; `errors` are the codes whose meaning is particular to it."""
        try:
            answer: dict[str, Any] = getattr(self._public, operation)(**parameters)
        except ClientError as error:
            raise _translated(operation, error, errors) from None
        except BotoCoreError as error:
            logger.warning("Cognito %s failed: %s", operation, type(error).__name__)
            raise CognitoUnavailable from None
        return answer


_SIGN_IN_ERRORS: ErrorsByCode = {
    "NotAuthorizedException": InvalidCredentials,
    "UserNotFoundException": InvalidCredentials,
}


_SECRET_HASH = re.compile(r"secret[ _]?hash", re.IGNORECASE)


@cache
def get_gateway() -> CognitoGateway:
    """The gateway of this process. The first call costs 0.3 s: boto3 reads its service model."""
    return CognitoGateway(get_config())


@receiver(setting_changed)
def _forget_gateway(*, setting: str, **_: object) -> None:
    if setting.startswith("COGNITO_"):
        get_gateway.cache_clear()


def _outcome(answer: Mapping[str, Any], username: str) -> Tokens | Challenge:
    """Tokens when the sign-in is complete, else the challenge that comes next."""
    result = answer.get("AuthenticationResult")
    try:
        if result:
            return Tokens(
                access_token=result["AccessToken"],
                id_token=result["IdToken"],
                refresh_token=result["RefreshToken"],
                expires_in=result["ExpiresIn"],
            )
        parameters = dict(answer.get("ChallengeParameters") or {})
        return Challenge(
            name=answer["ChallengeName"],
            session=answer.get("Session", ""),
            # From here on Cognito wants its internal user name, in the secret hash too.
            username=parameters.pop("USER_ID_FOR_SRP", username),
            parameters=parameters,
        )
    except KeyError as error:
        logger.warning("Cognito answered without %s", error)
        raise CognitoUnavailable from None


def _translated(operation: str, error: ClientError, errors: ErrorsByCode) -> AccountError:
    """Our error for Cognito's. What nobody foresaw is a fault of the set-up, or of Cognito when it says 5xx."""
    told = error.response.get("Error", {})
    code = told.get("Code", "")
    known = errors.get(code) or ERRORS_OF_COGNITO.get(code)
    # A wrong client secret comes as NotAuthorizedException, as a wrong password does; only the message differs.
    if known is not None and not _SECRET_HASH.search(told.get("Message", "")):
        return known()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500:
        logger.warning("Cognito %s failed: HTTP %s", operation, status)
        return CognitoUnavailable()
    logger.error("Cognito %s refused: %s. Check the app client and the pool.", operation, code[:64])
    return CognitoMisconfigured()
