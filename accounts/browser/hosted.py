"""Client of Cognito's hosted sign-in: OAuth 2.0 authorization code grant with PKCE S256, state and nonce.

Independent of the browser's session: the caller stores the Attempt. Authlib implements the protocol (RFC 6749,
RFC 7636); the tokens are verified by our own verifier.
"""

import hmac
import logging
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from accounts.cognito.errors import AccountError, CognitoMisconfigured, CognitoUnavailable, TokensTooLarge
from accounts.cognito.results import Tokens
from accounts.tokens.conf import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, get_config
from accounts.tokens.exceptions import KeysUnavailableNow
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.verifier import TokenError, TokenTooLarge, get_verifier

logger = logging.getLogger(__name__)

# The last scope lets the token manage its own account.
SCOPES = "openid email profile aws.cognito.signin.user.admin"

_OUR_FAULT = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")


class HostedSignInFailed(AccountError):
    """400: a hosted sign-in that was refused, is too old, was used before, or was begun in another browser."""

    default_detail = "This sign-in was not completed: it was called off, took too long, or has been used. Start again."
    default_code = "hosted_sign_in_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Secrets of one hosted sign-in, stored until the callback and used once."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(redirect_uri: str) -> tuple[str, Attempt]:
    """The URL of the hosted sign-in, and the Attempt to store until the callback at `redirect_uri`."""
    attempt = Attempt(
        state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
    )
    config = get_config()
    # Where an audience is required, the tokens must be bound to this API (AWS: "Resource binding", RFC 8707).
    bound = {"resource": min(config.resource_identifiers)} if config.require_audience else {}
    url, _ = _client(redirect_uri).create_authorization_url(
        f"{config.domain}/oauth2/authorize",
        state=attempt.state,
        nonce=attempt.nonce,
        code_verifier=attempt.verifier,
        **bound,
    )
    return url, attempt


def finish(redirect_uri: str, code: str, attempt: Attempt) -> Tokens:
    """Exchange `code` for tokens, and verify them.

    Raises HostedSignInFailed, TokensTooLarge, CognitoUnavailable, CognitoMisconfigured, KeysUnavailableNow.
    """
    tokens = _exchanged(redirect_uri, code, attempt)
    client_id = get_config().client_id
    try:
        identity = get_verifier().verify(tokens.id_token, "id")
        claims = get_verifier().verify(tokens.access_token, "access")
    except TokenTooLarge:
        raise TokensTooLarge from None
    except TokenError as error:
        logger.warning("A token of the hosted sign-in is refused: %s", error.code)
        raise HostedSignInFailed from None
    except KeysUnavailable as error:
        raise KeysUnavailableNow(error.retry_after) from None
    is_answer = hmac.compare_digest((identity.nonce or "").encode(), attempt.nonce.encode())
    if not is_answer or identity.sub != claims.sub or {identity.client_id, claims.client_id} != {client_id}:
        logger.warning("The tokens of a hosted sign-in do not belong to its attempt.")
        raise HostedSignInFailed
    return tokens


def logout_url(home: str) -> str:
    """URL that ends Cognito's own session and redirects to `home`, which must be registered exactly.

    Source: AWS, "Logout endpoint", Cognito developer guide. The parameters differ from OpenID Connect's.
    """
    config = get_config()
    return f"{config.domain}/logout?{urlencode({'client_id': config.client_id, 'logout_uri': home})}"


def _exchanged(redirect_uri: str, code: str, attempt: Attempt) -> Tokens:
    try:
        answer = _client(redirect_uri).fetch_token(
            f"{get_config().domain}/oauth2/token",
            grant_type="authorization_code",
            code=code,
            code_verifier=attempt.verifier,
            allow_redirects=False,
        )
        return Tokens(
            access_token=answer["access_token"],
            id_token=answer["id_token"],
            refresh_token=answer["refresh_token"],
            expires_in=answer["expires_in"],
        )
    except OAuthError as error:
        # Only the error code is logged: the description may echo the request.
        named = str(error.error)[:64]
        if named in _OUR_FAULT:
            logger.error("Cognito's token endpoint refused: %s. Check the app client.", named)
            raise CognitoMisconfigured from None
        logger.info("Cognito's token endpoint refused: %s", named)
        raise HostedSignInFailed from None
    except (OSError, KeyError, TypeError, ValueError) as error:  # all of requests' exceptions are OSErrors
        logger.warning("Cognito's token endpoint failed: %s", type(error).__name__)
        raise CognitoUnavailable from None


def _client(redirect_uri: str) -> Any:
    config = get_config()
    return OAuth2Session(
        client_id=config.client_id,
        client_secret=config.client_secret or None,
        scope=SCOPES,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if config.client_secret else "none",
        # Authlib's name of the parameter; `timeout` is silently ignored.
        default_timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    )
