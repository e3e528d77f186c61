"""Errors of requests about accounts, and the table from Cognito's error codes to them.

Each error has a status, a stable code and a sentence of its own. Messages of Cognito are never forwarded: they contain
tokens, sessions and user names.
"""

from collections.abc import Mapping

from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError

from accounts.tokens.exceptions import BEARER_CHALLENGE, bearer_challenge
from accounts.tokens.verifier import MAX_TOKEN_BYTES


class AccountError(APIException):
    """A request about an account that cannot be met. Subclasses fix status, code and sentence."""

    status_code: int = status.HTTP_400_BAD_REQUEST


class InvalidCredentials(AccountError):
    """Wrong password, unknown or disabled person: one answer for all of them."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "E-mail address or password is wrong."
    default_code = "invalid_credentials"
    auth_header = BEARER_CHALLENGE


class UserNotConfirmed(AccountError):
    """The address has not been confirmed with its code yet."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "This account is not confirmed yet. Confirm it with the code that was sent."
    default_code = "user_not_confirmed"


class PasswordResetRequired(AccountError):
    """An administrator asked for a new password."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "A new password is required. Reset it with a code sent to you."
    default_code = "password_reset_required"


class TooManyAttempts(AccountError):
    """Cognito itself refuses further attempts for a while."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_detail = "Too many attempts. Wait a while before the next one."
    default_code = "too_many_attempts"
    wait = 60


class CognitoUnavailable(AccountError):
    """Time-out, network or an internal error of Cognito. `wait` is in seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The sign-in service does not answer at the moment. Try again shortly."
    default_code = "cognito_unavailable"
    wait = 5


class CognitoNotAsked(CognitoUnavailable):
    """Cognito was not reached, so it did nothing. The same answer: to a client it makes no difference."""


class CognitoMisconfigured(AccountError):
    """Our settings or the pool's are wrong. The cause is in the log, never in the answer."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_detail = "This service is not set up correctly. Its operators have been told."
    default_code = "cognito_misconfigured"


class TokensTooLarge(AccountError):
    """A sign-in yielded a token over the size limit of verifier.py; the request itself was right."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = (
        "This account is in so many groups that its token is larger than this service accepts "
        f"({MAX_TOKEN_BYTES // 1024} KiB). Ask an administrator to take it out of some."
    )
    default_code = "token_too_large"


class CodeMismatch(AccountError):
    """A wrong code; for strangers also one that has expired or was never sent, which would tell who has an account."""

    default_detail = "The code is wrong, or no longer valid. Ask for a new one."
    default_code = "code_mismatch"


class CodeExpired(AccountError):
    """The code was right once."""

    default_detail = "The code has expired. Ask for a new one."
    default_code = "code_expired"


class PasswordTooWeak(AccountError):
    """The pool's password policy refuses it; the detail says the policy."""

    default_detail = "The password does not meet the policy of this service."
    default_code = "password_too_weak"


class PasswordMissing(ValidationError):
    """400 `invalid`: sign-up had no password, or there were several sign-ups, so confirmation needs one."""

    def __init__(self) -> None:
        super().__init__(
            {"password": [ErrorDetail("Choose a password: the sign-up had none, or was repeated.", "required")]}
        )


class AddressNotAccepted(ValidationError):
    """400 `invalid`: Cognito does not take this e-mail address."""

    def __init__(self) -> None:
        super().__init__({"email": [ErrorDetail("This address is not accepted.", "invalid")]})


class PasswordReused(AccountError):
    """One of the last passwords."""

    default_detail = "This password was used before. Choose another one."
    default_code = "password_reused"


class CurrentPasswordWrong(AccountError):
    """Not a 401: clients take that for a dead token."""

    default_detail = "The current password is wrong."
    default_code = "current_password_wrong"


class PasswordNeeded(ValidationError):
    """400 `invalid`: whoever has a password proves with it who they are."""

    def __init__(self) -> None:
        super().__init__({"password": [ErrorDetail("This field is required.", "required")]})


class FreshSignInNeeded(AccountError):
    """Whoever has no password here proves by a sign-in of a moment ago who they are. Not a 401, as above."""

    default_detail = "Sign in again through your provider, then repeat this within five minutes."
    default_code = "fresh_sign_in_needed"


class RefreshTokenInvalid(AccountError):
    """Expired, revoked, of another app client, or never one."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "The refresh token is not valid any more. Sign in again."
    default_code = "refresh_token_invalid"
    auth_header = BEARER_CHALLENGE


class TokenEnded(AccountError):
    """401: Cognito does not take the access token any more: signed out or deleted there."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "The token has been revoked. Sign in again."
    default_code = "token_revoked"
    auth_header = bearer_challenge("invalid_token", default_detail)


class ChallengeExpired(AccountError):
    """The handle is too old, was used up, or is not one."""

    default_detail = "This sign-in took too long or has been completed. Start again."
    default_code = "challenge_expired"


class ChallengeUnknown(AccountError):
    """A challenge that this service has no form for, such as one of a Lambda trigger."""

    status_code = status.HTTP_501_NOT_IMPLEMENTED
    default_detail = "This account signs in by a way that is not offered here. Use the hosted sign-in."
    default_code = "challenge_unknown"


class RoleNotAllowed(AccountError):
    """A role that strangers may not ask for."""

    default_detail = "This role cannot be asked for at sign-up."
    default_code = "role_not_allowed"


class RefusedByPool(AccountError):
    """A Lambda trigger or a rule of the pool says no to this request."""

    default_detail = "The user pool refuses this request."
    default_code = "invalid"


class OwnAccount(AccountError):
    """An administrator must not lock themselves out."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is your own account. Ask another administrator."
    default_code = "own_account"


class NothingToResend(AccountError):
    """Somebody who waits neither for an invitation nor for a code."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This account is confirmed already: there is nothing to send again."
    default_code = "nothing_to_resend"


class PersonNotFound(AccountError):
    """There is nobody with this subject in the pool."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = "There is no such person."
    default_code = "not_found"


# Codes that mean the same whatever was asked. Codes whose meaning depends on the operation (NotAuthorizedException
# above all) are given by the operation itself, in accounts/cognito/.
ERRORS_OF_COGNITO: Mapping[str, type[AccountError]] = {
    "CodeMismatchException": CodeMismatch,
    "EnableSoftwareTokenMFAException": CodeMismatch,
    "ExpiredCodeException": CodeExpired,
    "InvalidPasswordException": PasswordTooWeak,
    "PasswordHistoryPolicyViolationException": PasswordReused,
    "UserNotConfirmedException": UserNotConfirmed,
    "PasswordResetRequiredException": PasswordResetRequired,
    "TooManyRequestsException": TooManyAttempts,
    "LimitExceededException": TooManyAttempts,
    "TooManyFailedAttemptsException": TooManyAttempts,
    "ThrottlingException": TooManyAttempts,
    "ForbiddenException": TooManyAttempts,  # AWS WAF in front of the pool, whose usual rule is a rate
    "UserLambdaValidationException": RefusedByPool,
    "CodeDeliveryFailureException": CognitoUnavailable,
    "InternalErrorException": CognitoUnavailable,
    "ServiceUnavailable": CognitoUnavailable,
    "UnexpectedLambdaException": CognitoUnavailable,
}
