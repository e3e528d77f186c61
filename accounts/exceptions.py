"""What can go wrong between a client and Cognito? Our errors, and the one table from Cognito's codes to them.

Each error has a status, a stable code and a sentence of ours. Cognito's own messages are never forwarded: they
echo tokens, sessions and user names.
"""

from collections.abc import Mapping

from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied

BEARER_CHALLENGE = 'Bearer realm="api"'


def bearer_challenge(error: str, description: str, **attributes: str) -> str:
    """The value of `WWW-Authenticate` for a refused token or a missing scope (RFC 6750 section 3)."""
    pairs = {"error": error, "error_description": description, **attributes}
    # RFC 6750 allows no quotation mark and no backslash inside these values.
    return ", ".join([BEARER_CHALLENGE, *(f'{name}="{value.translate(_UNQUOTABLE)}"' for name, value in pairs.items())])


_UNQUOTABLE = str.maketrans({'"': "'", "\\": "/", "`": "'"})


class TokenRefused(AuthenticationFailed):
    """401: the bearer token was refused, for the reason that `code` names."""


class KeysUnavailableNow(APIException):
    """503: the pool's keys cannot be fetched, so no token can be checked. `wait` is in seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Tokens cannot be checked at the moment. Try again shortly."
    default_code = "keys_unavailable"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class InsufficientScope(PermissionDenied):
    """403: a machine's token lacks the scope for this. `scope` names one that would do."""

    default_detail = "The token lacks the scope for this."

    def __init__(self, scope: str) -> None:
        super().__init__()
        attributes = {"scope": scope} if scope else {}
        self.auth_header = bearer_challenge("insufficient_scope", self.default_detail, **attributes)


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


class CognitoMisconfigured(AccountError):
    """Our settings or the pool's are wrong. The cause is in the log, never in the answer."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_detail = "This service is not set up correctly. Its operators have been told."
    default_code = "cognito_misconfigured"


# Codes that mean the same whatever was asked. Codes whose meaning depends on the operation (NotAuthorizedException
# above all) are given by the operation itself, in accounts/cognito.py.
ERRORS_OF_COGNITO: Mapping[str, type[AccountError]] = {
    "UserNotConfirmedException": UserNotConfirmed,
    "PasswordResetRequiredException": PasswordResetRequired,
    "TooManyRequestsException": TooManyAttempts,
    "LimitExceededException": TooManyAttempts,
    "TooManyFailedAttemptsException": TooManyAttempts,
    "ThrottlingException": TooManyAttempts,
    "InternalErrorException": CognitoUnavailable,
    "ServiceUnavailable": CognitoUnavailable,
    "UnexpectedLambdaException": CognitoUnavailable,
}
