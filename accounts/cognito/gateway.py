"""Gateway to the API of Amazon Cognito user pools. The only door to `boto3`, in verbs of our own.

Nothing of Cognito's messages is logged or forwarded: they echo what was sent. The log has the error code, and the cause
in words of ours (`accounts/cognito/causes.py`). What needs AWS credentials (roles, other people's accounts) is in
`accounts/cognito/administration.py`, through the same door.
"""

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.cognito.bulkhead import Bulkhead
from accounts.cognito.causes import cause_of
from accounts.cognito.results import Challenge, Profile, Tokens
from accounts.tokens.clock import cognito_clock
from accounts.tokens.conf import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, CognitoConfig, get_config
from accounts.tokens.exceptions import (
    ERRORS_OF_COGNITO,
    AddressNotAccepted,
    ChallengeExpired,
    CodeMismatch,
    CognitoMisconfigured,
    CognitoNotAsked,
    CognitoUnavailable,
    CurrentPasswordWrong,
    InvalidCredentials,
    PasswordTooWeak,
    RefreshTokenInvalid,
    TokenEnded,
    TooManyAttempts,
)
from accounts.tokens.signals import cognito_called

logger = logging.getLogger(__name__)

# Of one list: 60 elements each. More than a pool may have groups ("Quotas in Amazon Cognito": 10,000).
MAX_PAGES = 200

ErrorsByCode = Mapping[str, type[Exception]]


class ExpectedRefusal(Exception):
    """An answer of Cognito that the caller deals with itself, and no client ever sees."""


class CognitoGateway:
    """The operations of one user pool. Safe to share between threads; make one per process, after any fork.

    Every verb raises CognitoUnavailable (time-out, network, a fault of Cognito), CognitoMisconfigured (our set-up)
    and TooManyAttempts; what else it raises is said at each.
    """

    def __init__(self, config: CognitoConfig) -> None:
        self._config = config
        self._session = boto3.session.Session()
        self._making = threading.Lock()
        # Public operations are never signed (botocore's own model says so), and never retried: a repeated SignUp
        # comes back as "user exists", a repeated code as "expired". The credential chain is not touched.
        self._public = self._client(signature_version=UNSIGNED, retries={"mode": "standard", "total_max_attempts": 1})

    # --- Sign-up ---

    def sign_up(self, email: str, password: str, attributes: Mapping[str, str]) -> str:
        """Make an unconfirmed account, whose subject is given; Cognito mails a code.

        Raises PasswordTooWeak, and ExpectedRefusal when the address has an account already.
        """
        answer = self._call(
            "sign_up",
            {"UsernameExistsException": ExpectedRefusal, "AliasExistsException": ExpectedRefusal, **_BAD_ADDRESS},
            **self._user(email),
            Password=password,
            UserAttributes=_pairs({"email": email, **attributes}),
        )
        return str(answer["UserSub"])

    def resend_code(self, email: str) -> None:
        """Mail a new code to somebody unconfirmed. Raises ExpectedRefusal when there is nobody such."""
        errors = dict.fromkeys(_MAIL_REFUSED, ExpectedRefusal)
        self._call("resend_confirmation_code", errors, **self._user(email))

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm an account with the code mailed. Raises CodeMismatch, also for everybody unknown or confirmed."""
        self._call("confirm_sign_up", _CODE_REFUSED, **self._user(email), ConfirmationCode=code)

    # --- Sign-in ---

    def sign_in(self, email: str, password: str) -> Tokens | Challenge:
        """Sign in with a password (InitiateAuth, USER_PASSWORD_AUTH).

        Raises InvalidCredentials, UserNotConfirmed, PasswordResetRequired.
        """
        answer = self._call(
            "initiate_auth",
            dict.fromkeys(("UserNotFoundException", *_NOT_AUTHORIZED), InvalidCredentials),
            ClientId=self._config.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, **self._secret_hash(email)},
        )
        return self._outcome(answer, email)

    def respond(self, challenge: Challenge, **responses: str) -> Tokens | Challenge:
        """Answer a challenge (RespondToAuthChallenge), `responses` as Cognito names them.

        Raises ChallengeExpired, CodeMismatch, CodeExpired, PasswordTooWeak, PasswordReused.
        """
        odd = PasswordTooWeak if challenge.name == "NEW_PASSWORD_REQUIRED" else CodeMismatch
        ended = ("UserNotFoundException", "ResourceNotFoundException", *_NOT_AUTHORIZED)
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
        """Fresh tokens, with the refresh token that is to be used from now on (another when the pool rotates them).

        A pool that does not offer GetTokensFromRefreshToken is asked in the older way, for which a client with a
        secret needs the internal `username`. Raises RefreshTokenInvalid.
        """
        errors = dict.fromkeys((*_NOT_AUTHORIZED, *_REFRESH_REFUSED), RefreshTokenInvalid)
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
        """The tokens of a refresh, which leaves the refresh token out unless the pool rotates them."""
        result = {"RefreshToken": refresh_token, **answer.get("AuthenticationResult", {})}
        outcome = self._outcome({"AuthenticationResult": result}, "")
        if not isinstance(outcome, Tokens):
            raise CognitoUnavailable
        return outcome

    def refresh_of_any_client(self, refresh_token: str) -> Tokens:
        """As `refresh`, also for a token of another app client that we accept. Raises RefreshTokenInvalid."""
        errors = dict.fromkeys((*_NOT_AUTHORIZED, *_REFRESH_REFUSED, *_NOT_OFFERED), ExpectedRefusal)
        for client in self._clients():
            try:
                answer = self._call("get_tokens_from_refresh_token", errors, RefreshToken=refresh_token, **client)
            except ExpectedRefusal:
                continue
            return self._refreshed(answer, refresh_token)
        raise RefreshTokenInvalid

    # --- Sign-out ---

    def revoke(self, refresh_token: str) -> None:
        """End the session of a refresh token (RFC 7009). One that is unknown or ended already is no error.

        Cognito takes it from the app client it was issued to only: the others that we accept are tried as well.
        """
        errors = dict.fromkeys((*_NOT_AUTHORIZED, *_REVOKE_REFUSED), ExpectedRefusal)
        for client in self._clients():
            try:
                self._call("revoke_token", errors, Token=refresh_token, **client)
                return
            except ExpectedRefusal:
                continue

    def sign_out_everywhere(self, access_token: str) -> None:
        """End all sessions of the person whose token it is.

        Raises ExpectedRefusal when Cognito does not take this token: it ended there, is no access token, or has not the
        scope aws.cognito.signin.user.admin.
        """
        errors = dict.fromkeys((*_NOT_AUTHORIZED, "InvalidParameterException"), ExpectedRefusal)
        self._call("global_sign_out", errors, AccessToken=access_token)

    # --- Passwords ---

    def forgot_password(self, email: str) -> None:
        """Mail a code for a new password. Raises ExpectedRefusal when there is nobody to mail it to."""
        self._call("forgot_password", dict.fromkeys(_MAIL_REFUSED, ExpectedRefusal), **self._user(email))

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password with the code mailed. Raises CodeMismatch, PasswordTooWeak, PasswordReused."""
        who = self._user(email)
        self._call("confirm_forgot_password", _CODE_REFUSED, **who, ConfirmationCode=code, Password=password)

    def change_password(self, access_token: str, current: str, new: str) -> None:
        """Change one's own password. Raises CurrentPasswordWrong, PasswordTooWeak, PasswordReused."""
        self._call(
            "change_password",
            # The new one met the policy: a password of a form that Cognito never takes is the current one.
            dict.fromkeys((*_NOT_AUTHORIZED, "InvalidParameterException"), CurrentPasswordWrong),
            AccessToken=access_token,
            PreviousPassword=current,
            ProposedPassword=new,
        )

    # --- One's own account ---

    def profile(self, access_token: str) -> Profile:
        """What Cognito keeps about whose token it is. Raises TokenEnded."""
        answer = self._own("get_user", access_token)
        return Profile(
            username=answer["Username"],
            attributes={pair["Name"]: pair.get("Value", "") for pair in answer["UserAttributes"]},
            mfa=tuple(answer.get("UserMFASettingList") or ()),
        )

    def update_profile(self, access_token: str, attributes: Mapping[str, str]) -> None:
        """Change attributes. A new e-mail address gets a code, and counts once that was shown.

        An address that somebody else has is no error: it would tell who has an account.
        """
        try:
            self._own(
                "update_user_attributes",
                access_token,
                {"AliasExistsException": ExpectedRefusal, **(_BAD_ADDRESS if "email" in attributes else {})},
                UserAttributes=_pairs(attributes),
            )
        except ExpectedRefusal:
            return

    def remove_from_profile(self, access_token: str, names: list[str]) -> None:
        """Remove attributes."""
        self._own("delete_user_attributes", access_token, UserAttributeNames=names)

    def send_email_code(self, access_token: str) -> None:
        """Mail a code to the address that waits for it, or to the present one."""
        errors = {"InvalidParameterException": ExpectedRefusal}
        try:
            self._own("get_user_attribute_verification_code", access_token, errors, AttributeName="email")
        except ExpectedRefusal:
            return  # nothing waits to be verified

    def verify_email(self, access_token: str, code: str) -> None:
        """Verify the new address. Raises CodeMismatch, CodeExpired."""
        errors = {"AliasExistsException": CodeMismatch}
        self._own("verify_user_attribute", access_token, errors, AttributeName="email", Code=code)

    def delete_account(self, access_token: str) -> None:
        """Delete the account of whose token it is."""
        self._own("delete_user", access_token)

    # --- MFA with an authenticator app ---

    def begin_mfa(self, access_token: str) -> str:
        """A new TOTP secret (base32) for the person, not yet in use."""
        return str(self._own("associate_software_token", access_token)["SecretCode"])

    def finish_mfa(self, access_token: str, code: str) -> None:
        """Use the secret from now on, proven by a code of it. Raises CodeMismatch."""
        wrong = dict.fromkeys(("InvalidParameterException", "SoftwareTokenMFANotFoundException"), CodeMismatch)
        answer = self._own("verify_software_token", access_token, wrong, UserCode=code)
        if answer.get("Status") != "SUCCESS":
            raise CodeMismatch
        self._prefer_mfa(access_token, on=True)

    def end_mfa(self, access_token: str) -> None:
        """Stop asking for codes."""
        self._prefer_mfa(access_token, on=False)

    def _prefer_mfa(self, access_token: str, *, on: bool) -> None:
        settings = {"Enabled": on, "PreferredMfa": on}
        self._own("set_user_mfa_preference", access_token, SoftwareTokenMfaSettings=settings)

    # --- The door itself ---

    def administer(self, operation: str, errors: ErrorsByCode | None = None, **parameters: Any) -> dict[str, Any]:
        """Call an operation that needs AWS credentials, on our pool. `errors` are the codes particular to it."""
        client = self._administrator
        return _call_operation(client, operation, errors or {}, {"UserPoolId": self._config.user_pool_id, **parameters})

    def administer_all(
        self, operation: str, member: str, errors: ErrorsByCode | None = None, **parameters: Any
    ) -> Iterator[Any]:
        """Every element of `member` in the answers of a list operation, to the last page (`NextToken`)."""
        for _ in range(MAX_PAGES):
            answer = self.administer(operation, errors, **parameters)
            yield from answer[member]
            if not answer.get("NextToken"):
                return
            parameters["NextToken"] = answer["NextToken"]
        logger.warning("Cognito %s was not read to its end: more than %s pages.", operation, MAX_PAGES)
        raise CognitoUnavailable

    @cached_property
    def _administrator(self) -> Any:
        # Its operations may be repeated without harm, so a lost answer is asked for again.
        return self._client(retries={"mode": "standard", "total_max_attempts": 2})

    def _client(self, **options: Any) -> Any:
        with self._making:  # making clients of one session is not safe between threads
            client = self._session.client(
                "cognito-idp",
                region_name=self._config.region,
                endpoint_url=self._config.endpoint_url or None,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_SECONDS,
                    read_timeout=READ_TIMEOUT_SECONDS,
                    max_pool_connections=32,
                    **options,
                ),
            )
        client.meta.events.register("before-parse.cognito-identity-provider", _check_response)
        return client

    def _call(self, operation: str, errors: ErrorsByCode, **parameters: Any) -> dict[str, Any]:
        return _call_operation(self._public, operation, errors, parameters)

    def _own(
        self, operation: str, access_token: str, errors: ErrorsByCode | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation that a person's own access token allows."""
        ended = dict.fromkeys(("UserNotFoundException", *_NOT_AUTHORIZED), TokenEnded)
        return self._call(operation, {**ended, **(errors or {})}, AccessToken=access_token, **parameters)

    def _clients(self) -> Iterator[dict[str, str]]:
        """The app clients we accept, as parameters, our own first. Only of that do we know the secret."""
        own = self._config.client_id
        yield {"ClientId": own, **self._client_secret()}
        yield from ({"ClientId": client_id} for client_id in sorted(self._config.client_ids - {own}))

    def _user(self, email: str) -> dict[str, str]:
        hashed = self._secret_hash(email)
        secret = {"SecretHash": hashed["SECRET_HASH"]} if hashed else {}
        return {"ClientId": self._config.client_id, "Username": email, **secret}

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

    def _client_secret(self) -> dict[str, str]:
        """For the two operations that take the secret itself instead of a hash."""
        return {"ClientSecret": self._config.client_secret} if self._config.client_secret else {}

    def _outcome(self, answer: Mapping[str, Any], username: str) -> Tokens | Challenge:
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
            challenge = Challenge(
                name=answer["ChallengeName"],
                session=answer.get("Session", ""),
                # From here on Cognito wants its internal user name, in the secret hash too.
                username=parameters.pop("USER_ID_FOR_SRP", username),
                parameters=parameters,
            )
        except (KeyError, TypeError) as error:
            logger.warning("Cognito answered a sign-in without a member, or with one of another type: %s", error)
            raise CognitoUnavailable from None
        return self._with_secret(challenge) if challenge.name == "MFA_SETUP" else challenge

    def _with_secret(self, challenge: Challenge) -> Challenge:
        """A challenge to set up MFA, with the TOTP secret to set up."""
        answer = self._call(
            "associate_software_token",
            dict.fromkeys(_NOT_AUTHORIZED, ChallengeExpired),
            Session=challenge.session,
        )
        parameters = {**challenge.parameters, "secret": answer["SecretCode"]}
        return Challenge(
            name=challenge.name, session=answer["Session"], username=challenge.username, parameters=parameters
        )

    def verify_new_mfa(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        """Answer MFA_SETUP with the first code of the new secret. Raises CodeMismatch, ChallengeExpired."""
        answer = self._call(
            "verify_software_token",
            {
                **dict.fromkeys(("ResourceNotFoundException", *_NOT_AUTHORIZED), ChallengeExpired),
                "InvalidParameterException": CodeMismatch,
            },
            Session=challenge.session,
            UserCode=code,
        )
        if answer.get("Status") != "SUCCESS":
            raise CodeMismatch
        proven = Challenge(name=challenge.name, session=answer["Session"], username=challenge.username, parameters={})
        return self.respond(proven)


_NOT_AUTHORIZED = ("NotAuthorizedException",)
# Only an address with an account can meet its limit or a fault of its mail: strangers are told of neither.
_MAIL_REFUSED = (
    "UserNotFoundException",
    "InvalidParameterException",
    "LimitExceededException",
    "CodeDeliveryFailureException",
    "UserLambdaValidationException",
    *_NOT_AUTHORIZED,
)
# All else that is sent with it has been checked here.
_BAD_ADDRESS = {"InvalidParameterException": AddressNotAccepted}
_REFRESH_REFUSED = ("RefreshTokenReuseException", "UserNotFoundException", "InvalidParameterException")
_REVOKE_REFUSED = ("UnauthorizedException", "UnsupportedTokenTypeException", "InvalidParameterException")
_NOT_OFFERED = ("OperationNotEnabledException", "UnsupportedOperationException", "UnknownOperationException")
# One answer for a wrong code, an old one, one never sent, and nobody to send it to.
_CODE_REFUSED = dict.fromkeys(
    (
        "ExpiredCodeException",
        "UserNotFoundException",
        "InvalidParameterException",
        "AliasExistsException",
        "UserNotConfirmedException",
        *_NOT_AUTHORIZED,
    ),
    CodeMismatch,
)


@cache
def get_gateway() -> CognitoGateway:
    """The gateway of this process. The first call costs 0.3 s: boto3 reads its service model."""
    return CognitoGateway(get_config())


@receiver(setting_changed)
def _forget_gateway(*, setting: str, **_: object) -> None:
    if setting.startswith("COGNITO_"):
        get_gateway.cache_clear()


def _pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


class Answer(dict[str, Any]):
    """What Cognito answered. A member that is not there is a fault of Cognito's, whoever looks for it."""

    def __missing__(self, name: str) -> Any:
        logger.warning("Cognito answered without %s.", name)
        raise CognitoUnavailable


class _ForeignResponse(Exception):
    """A success of somebody between us and Cognito, such as a proxy or a captive portal."""


def _check_response(response_dict: dict[str, Any], **_: Any) -> None:
    """Tell Cognito's answers from others, before botocore reads them: it takes any body of any 200 for a success.

    Cognito answers with a JSON object of its own content type, and an error with its name in `__type` (AWS JSON
    protocol 1.1). Any other success is refused here; an error without a name is left with its status alone.
    """
    try:
        body = json.loads(response_dict["body"])
    except (ValueError, RecursionError):
        body = None
    if response_dict["status_code"] < 300:
        media_type = response_dict["headers"].get("content-type", "").partition(";")[0].strip().lower()
        if not isinstance(body, dict) or media_type != "application/x-amz-json-1.1":
            raise _ForeignResponse
    elif not isinstance(body, dict) or not isinstance(body.get("__type"), str) or not _has_text(body):
        response_dict["body"] = b"{}"


def _has_text(body: Mapping[str, Any]) -> bool:
    return all(isinstance(body.get(name, ""), str) for name in ("message", "Message"))


_bulkhead = Bulkhead()


def _call_operation(client: Any, operation: str, errors: ErrorsByCode, parameters: Mapping[str, Any]) -> Answer:
    """Cognito's answer, or our exception for its error."""
    started = time.monotonic()
    outcome = "ok"
    try:
        with _bulkhead.slot() as has_slot:
            if not has_slot:
                logger.warning("Cognito %s was not called: no slot of the bulkhead is free.", operation)
                raise CognitoNotAsked
            asked_at = time.monotonic()
            answer = _send(client, operation, errors, parameters)
            # Cut-offs of tokens follow Cognito's clock (accounts.tokens.revocation).
            headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            cognito_clock.observe(headers.get("date"), asked_at)
            return answer
    except Exception as error:
        outcome = _OUTCOMES.get(type(error), "refused")
        raise
    finally:
        cognito_called.send_robust(
            CognitoGateway, operation=operation, outcome=outcome, seconds=time.monotonic() - started
        )


_OUTCOMES: Mapping[type[Exception], str] = {
    CognitoUnavailable: "unavailable",
    CognitoNotAsked: "unavailable",
    CognitoMisconfigured: "misconfigured",
    TooManyAttempts: "limited",
}


def _send(client: Any, operation: str, errors: ErrorsByCode, parameters: Mapping[str, Any]) -> Answer:
    ask = getattr(client, operation)
    try:
        return Answer(ask(**parameters))
    except ClientError as error:
        raise _translate(operation, error, errors) from None
    except ParamValidationError as error:
        # botocore's own reading of the same rules.
        logger.info("Cognito %s was not asked: %s.", operation, cause_of(str(error)).text)
        raise errors.get("InvalidParameterException", CognitoMisconfigured)() from None
    except NoCredentialsError as error:
        logger.error("Cognito %s could not be asked: %s. Check the settings.", operation, type(error).__name__)
        raise CognitoMisconfigured from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        logger.warning("Cognito %s was not reached: %s", operation, type(error).__name__)
        raise CognitoNotAsked from None
    except BotoCoreError as error:
        logger.warning("Cognito %s failed: %s", operation, type(error).__name__)
        raise CognitoUnavailable from None
    except _ForeignResponse:
        logger.warning("Cognito %s: something that is not Cognito answered with success.", operation)
        raise CognitoUnavailable from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # botocore takes the types inside an answer on trust.
        logger.warning("Cognito %s: the answer cannot be read: %s", operation, type(error).__name__)
        raise CognitoUnavailable from None


# Errors that many things may cause: the log says which.
_EXPLAINED = (
    "InvalidParameterException",
    "InvalidLambdaResponseException",
    "UnexpectedLambdaException",
    "UserLambdaValidationException",
)


def _translate(operation: str, error: ClientError, errors: ErrorsByCode) -> Exception:
    """Our error for Cognito's. What nobody foresaw is a fault of the set-up, or of Cognito when it says 5xx."""
    told = error.response.get("Error", {})
    code = told.get("Code", "")[:64]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    cause = cause_of(told.get("Message", ""))
    known: type[Exception] | None = errors.get(code) or ERRORS_OF_COGNITO.get(code)
    if known is not None and not cause.is_configuration:
        if code in _EXPLAINED:
            logger.info("Cognito %s refused: %s: %s.", operation, code, cause.text)
        return known()
    # botocore gives the status where an answer names no error: whoever answered, it was not Cognito.
    if status >= 500 or not code or code.isdigit():
        logger.warning("Cognito %s failed: HTTP %s", operation, status)
        return CognitoUnavailable()
    logger.error("Cognito %s refused: %s: %s. Check the app client and the pool.", operation, code, cause.text)
    return CognitoMisconfigured()
