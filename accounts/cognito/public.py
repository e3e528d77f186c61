"""Public operations of a user pool, which need neither AWS credentials nor an access token: sign-up, sign-in, reset."""

import base64
import hashlib
import hmac
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.cognito.client import BAD_ADDRESS, NOT_AUTHORIZED, CognitoClient, ExpectedRefusal, pairs
from accounts.cognito.errors import (
    ChallengeExpired,
    CodeMismatch,
    CognitoUnavailable,
    InvalidCredentials,
    PasswordTooWeak,
    RefreshTokenInvalid,
)
from accounts.cognito.results import Challenge, Tokens

logger = logging.getLogger(__name__)


class PublicOperations(CognitoClient):
    """Operations authorised by what the person enters: e-mail address, password, code, challenge, refresh token."""

    # --- Sign-up ---

    def sign_up(self, email: str, password: str, attributes: Mapping[str, str]) -> str:
        """Create an unconfirmed account and return its subject; Cognito mails a code.

        Raises PasswordTooWeak, and ExpectedRefusal when the address has an account.
        """
        answer = self._call(
            "sign_up",
            {"UsernameExistsException": ExpectedRefusal, "AliasExistsException": ExpectedRefusal, **BAD_ADDRESS},
            **self._user(email),
            Password=password,
            UserAttributes=pairs({"email": email, **attributes}),
        )
        return str(answer["UserSub"])

    def resend_code(self, email: str) -> None:
        """Mail a new confirmation code. Raises ExpectedRefusal when there is no unconfirmed account."""
        errors = dict.fromkeys(_MAIL_REFUSED, ExpectedRefusal)
        self._call("resend_confirmation_code", errors, **self._user(email))

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm an account with the mailed code. Raises CodeMismatch, also for unknown and for confirmed accounts."""
        self._call("confirm_sign_up", _CODE_REFUSED, **self._user(email), ConfirmationCode=code)

    # --- Sign-in ---

    def sign_in(self, email: str, password: str) -> Tokens | Challenge:
        """Sign in with a password (InitiateAuth, USER_PASSWORD_AUTH).

        Raises InvalidCredentials, UserNotConfirmed, PasswordResetRequired.
        """
        answer = self._call(
            "initiate_auth",
            dict.fromkeys(("UserNotFoundException", *NOT_AUTHORIZED), InvalidCredentials),
            ClientId=self._config.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, **self._secret_hash(email)},
        )
        return self._outcome(answer, email)

    def respond(self, challenge: Challenge, **responses: str) -> Tokens | Challenge:
        """Respond to a challenge (RespondToAuthChallenge); `responses` by Cognito's names.

        Raises ChallengeExpired, CodeMismatch, CodeExpired, PasswordTooWeak, PasswordReused.
        """
        odd = PasswordTooWeak if challenge.name == "NEW_PASSWORD_REQUIRED" else CodeMismatch
        ended = ("UserNotFoundException", "ResourceNotFoundException", *NOT_AUTHORIZED)
        answer = self._call(
            "respond_to_auth_challenge",
            {**dict.fromkeys(ended, ChallengeExpired), "InvalidParameterException": odd},
            ClientId=self._config.client_id,
            ChallengeName=challenge.name,
            Session=challenge.session,
            ChallengeResponses={
                "USERNAME": challenge.username,
                **responses,
                **self._secret_hash(challenge.username),
            },
        )
        return self._outcome(answer, challenge.username)

    def refresh(self, refresh_token: str, username: str | None = None) -> Tokens:
        """New tokens, with the refresh token to use from now on (a new one when the pool rotates them).

        Falls back to InitiateAuth for a pool without GetTokensFromRefreshToken. There, a client with a secret needs the
        internal `username`. Raises RefreshTokenInvalid.
        """
        errors = dict.fromkeys((*NOT_AUTHORIZED, *_REFRESH_REFUSED), RefreshTokenInvalid)
        try:
            answer = self._call(
                "get_tokens_from_refresh_token",
                {**errors, **dict.fromkeys(_NOT_OFFERED, ExpectedRefusal)},
                ClientId=self._config.client_id,
                RefreshToken=refresh_token,
                **self._client_secret(),
            )
        except ExpectedRefusal:
            hashed = self._secret_hash(username or "")
            answer = self._call(
                "initiate_auth",
                errors,
                ClientId=self._config.client_id,
                AuthFlow="REFRESH_TOKEN_AUTH",
                AuthParameters={"REFRESH_TOKEN": refresh_token, **hashed},
            )
        return self._refreshed(answer, refresh_token)

    def _refreshed(self, answer: Mapping[str, Any], refresh_token: str) -> Tokens:
        """The tokens of a refresh response, which has no refresh token unless the pool rotates them."""
        result = {"RefreshToken": refresh_token, **answer.get("AuthenticationResult", {})}
        outcome = self._outcome({"AuthenticationResult": result}, "")
        if not isinstance(outcome, Tokens):
            raise CognitoUnavailable
        return outcome

    def refresh_of_any_client(self, refresh_token: str) -> Tokens:
        """As `refresh`, also for tokens of the other accepted app clients. Raises RefreshTokenInvalid."""
        errors = dict.fromkeys((*NOT_AUTHORIZED, *_REFRESH_REFUSED, *_NOT_OFFERED), ExpectedRefusal)
        for client in self._clients():
            try:
                answer = self._call("get_tokens_from_refresh_token", errors, RefreshToken=refresh_token, **client)
            except ExpectedRefusal:
                continue
            return self._refreshed(answer, refresh_token)
        raise RefreshTokenInvalid

    # --- Sign-out ---

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token (RFC 7009). An unknown or revoked token is no error.

        Cognito requires the app client that the token was issued to, so each accepted one is tried.
        """
        errors = dict.fromkeys((*NOT_AUTHORIZED, *_REVOKE_REFUSED), ExpectedRefusal)
        for client in self._clients():
            try:
                self._call("revoke_token", errors, Token=refresh_token, **client)
                return
            except ExpectedRefusal:
                continue

    # --- Passwords ---

    def forgot_password(self, email: str) -> None:
        """Mail a code for a password reset. Raises ExpectedRefusal when there is no address to mail it to."""
        self._call("forgot_password", dict.fromkeys(_MAIL_REFUSED, ExpectedRefusal), **self._user(email))

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password with the mailed code. Raises CodeMismatch, PasswordTooWeak, PasswordReused."""
        who = self._user(email)
        self._call("confirm_forgot_password", _CODE_REFUSED, **who, ConfirmationCode=code, Password=password)

    def _clients(self) -> Iterator[dict[str, str]]:
        """The accepted app clients as parameters, our own first; only its secret is known."""
        own = self._config.client_id
        yield {"ClientId": own, **self._client_secret()}
        yield from ({"ClientId": client_id} for client_id in sorted(self._config.client_ids - {own}))

    def _user(self, email: str) -> dict[str, str]:
        hashed = self._secret_hash(email)
        secret = {"SecretHash": hashed["SECRET_HASH"]} if hashed else {}
        return {"ClientId": self._config.client_id, "Username": email, **secret}

    def _secret_hash(self, username: str) -> dict[str, str]:
        """SECRET_HASH of a client with a secret: base64(HMAC-SHA256(secret, user name + client id)).

        Source: AWS, "Computing secret hash values", Cognito developer guide.
        """
        config = self._config
        if not config.client_secret:
            return {}
        message = (username + config.client_id).encode()
        digest = hmac.new(config.client_secret.encode(), message, hashlib.sha256).digest()
        return {"SECRET_HASH": base64.b64encode(digest).decode()}

    def _client_secret(self) -> dict[str, str]:
        """The client secret, for the two operations that take it instead of a hash."""
        return {"ClientSecret": self._config.client_secret} if self._config.client_secret else {}

    def _outcome(self, answer: Mapping[str, Any], username: str) -> Tokens | Challenge:
        """Tokens when the sign-in is complete, else the next challenge."""
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
            challenge = Challenge(
                name=answer["ChallengeName"],
                session=answer.get("Session", ""),
                # The following steps need the internal user name, also in the secret hash.
                username=parameters.pop("USER_ID_FOR_SRP", username),
                parameters=parameters,
            )
        except (KeyError, TypeError) as error:
            logger.warning("A sign-in response of Cognito has a member missing or of a wrong type: %s", error)
            raise CognitoUnavailable from None
        return self._with_secret(challenge) if challenge.name == "MFA_SETUP" else challenge

    def _with_secret(self, challenge: Challenge) -> Challenge:
        """The MFA_SETUP challenge with a new TOTP secret added to its parameters."""
        answer = self._call(
            "associate_software_token",
            dict.fromkeys(NOT_AUTHORIZED, ChallengeExpired),
            Session=challenge.session,
        )
        parameters = {**challenge.parameters, "secret": answer["SecretCode"]}
        return Challenge(
            name=challenge.name, session=answer["Session"], username=challenge.username, parameters=parameters
        )

    def verify_new_mfa(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        """Respond to MFA_SETUP with the first code of the new secret. Raises CodeMismatch, ChallengeExpired."""
        answer = self._call(
            "verify_software_token",
            {
                **dict.fromkeys(("ResourceNotFoundException", *NOT_AUTHORIZED), ChallengeExpired),
                "InvalidParameterException": CodeMismatch,
            },
            Session=challenge.session,
            UserCode=code,
        )
        if answer.get("Status") != "SUCCESS":
            raise CodeMismatch
        proven = Challenge(name=challenge.name, session=answer["Session"], username=challenge.username, parameters={})
        return self.respond(proven)


# Limits and mail failures occur only for addresses with an account, so they are hidden from anonymous callers.
_MAIL_REFUSED = (
    "UserNotFoundException",
    "InvalidParameterException",
    "LimitExceededException",
    "CodeDeliveryFailureException",
    "UserLambdaValidationException",
    *NOT_AUTHORIZED,
)
_REFRESH_REFUSED = ("RefreshTokenReuseException", "UserNotFoundException", "InvalidParameterException")
_REVOKE_REFUSED = ("UnauthorizedException", "UnsupportedTokenTypeException", "InvalidParameterException")
_NOT_OFFERED = ("OperationNotEnabledException", "UnsupportedOperationException", "UnknownOperationException")
# The same error for a wrong code, an expired one, one never sent, and an unknown address.
_CODE_REFUSED = dict.fromkeys(
    (
        "ExpiredCodeException",
        "UserNotFoundException",
        "InvalidParameterException",
        "AliasExistsException",
        "UserNotConfirmedException",
        *NOT_AUTHORIZED,
    ),
    CodeMismatch,
)
