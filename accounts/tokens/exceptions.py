"""Errors of bearer tokens, with status, code and sentence, and the `WWW-Authenticate` challenge of RFC 6750."""

from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied

BEARER_CHALLENGE = 'Bearer realm="api"'

_UNQUOTABLE = str.maketrans({'"': "'", "\\": "/", "`": "'"})


def bearer_challenge(error: str, description: str, **attributes: str) -> str:
    """The value of `WWW-Authenticate` for a refused token or a missing scope (RFC 6750 section 3)."""
    pairs = {"error": error, "error_description": description, **attributes}
    # RFC 6750 allows no quotation mark and no backslash inside these values.
    return ", ".join([BEARER_CHALLENGE, *(f'{name}="{value.translate(_UNQUOTABLE)}"' for name, value in pairs.items())])


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
