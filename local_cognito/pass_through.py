"""Delegation of operations to moto's server application, which is loaded on first use.

Only its answers go out: moto's own pages (which show every password, to any web page that asks) are not served.
"""

import json
from typing import Any

from local_cognito.errors import CognitoError

# The region is all that moto takes from a signature.
_SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=local/20260101/{region}/cognito-idp/aws4_request, SignedHeaders=host, Signature=0"
)
_INTERNAL = CognitoError("InternalErrorException", "Something went wrong", 500)


class PassThrough:
    """moto's server app for one account and region."""

    def __init__(self, account_id: str, region: str) -> None:
        self._headers = {
            "Authorization": _SIGNATURE.format(region=region),
            "Content-Type": "application/x-amz-json-1.1",
            "X-Moto-Account-Id": account_id,
        }
        self._client: Any = None

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """moto's answer to an operation.

        Raises CognitoError with moto's code; InternalErrorException for whatever moto does not answer
        properly.
        """
        if self._client is None:
            # Half a second of imports that most tests never need.
            from moto.moto_server.werkzeug_app import create_backend_app
            from werkzeug.test import Client

            self._client = Client(create_backend_app("cognito-idp"))
        target = f"AWSCognitoIdentityProviderService.{operation}"
        try:
            response = self._client.post(
                "/", data=json.dumps(request), headers={**self._headers, "X-Amz-Target": target}
            )
            answer = json.loads(response.get_data(as_text=True) or "{}")
        except Exception as error:  # whatever moto raises, the caller gets JSON
            raise _INTERNAL from error
        if response.status_code >= 500 or not isinstance(answer, dict):
            raise _INTERNAL
        if response.status_code >= 400:
            raise _translated(answer)
        return answer


def _translated(answer: dict[str, Any]) -> CognitoError:
    code = str(answer.get("__type", "InternalErrorException")).rpartition("#")[2]
    if code in ("InvalidToken", "InvalidTokenException"):
        # moto's own word for a page token that is none.
        code = "InvalidParameterException"
    # moto's sentences repeat what was sent, sometimes a token: they go no further.
    return CognitoError(code, "The request was refused")
