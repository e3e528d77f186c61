"""HTTP client of the Amazon Cognito user pools API: time-outs, retries, bulkhead and error translation.

The only importer of `boto3`. Cognito's messages are neither logged nor forwarded, because they echo what was sent. The
log has the error code, and the cause in our own words (`accounts/cognito/causes.py`).
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
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

from accounts.cognito.bulkhead import Bulkhead
from accounts.cognito.causes import cause_of
from accounts.cognito.errors import (
    ERRORS_OF_COGNITO,
    AddressNotAccepted,
    CognitoMisconfigured,
    CognitoNotAsked,
    CognitoUnavailable,
    TooManyAttempts,
)
from accounts.tokens.clock import cognito_clock
from accounts.tokens.conf import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, CognitoConfig
from accounts.tokens.signals import cognito_called

logger = logging.getLogger(__name__)

# Pages of one list, of 60 elements each: more than a pool may have groups ("Quotas in Amazon Cognito": 10,000).
MAX_PAGES = 200

ErrorsByCode = Mapping[str, type[Exception]]

NOT_AUTHORIZED = ("NotAuthorizedException",)
# All other members of these requests have been validated before.
BAD_ADDRESS = {"InvalidParameterException": AddressNotAccepted}


class ExpectedRefusal(Exception):
    """An error of Cognito that the caller handles itself; it never reaches a client."""


class CognitoClient:
    """Client of one user pool. Safe to share between threads; make one per process, after any fork.

    Every operation raises CognitoUnavailable (time-out, network, an error of Cognito), CognitoMisconfigured (pool, app
    client or AWS rights) and TooManyAttempts (throttled by Cognito), besides the errors that it names.
    """

    def __init__(self, config: CognitoConfig) -> None:
        self._config = config
        self._session = boto3.session.Session()
        self._making = threading.Lock()
        # Public operations are not signed (as in botocore's model), so the credential chain is not read. They are not
        # retried: a repeated SignUp is refused as "user exists", a repeated code as "expired".
        self._public = self._client(signature_version=UNSIGNED, retries={"mode": "standard", "total_max_attempts": 1})

    def administer(self, operation: str, errors: ErrorsByCode | None = None, **parameters: Any) -> dict[str, Any]:
        """Call an operation that needs AWS credentials, on the pool. `errors` maps error codes to our exceptions."""
        client = self._administrator
        return _call_operation(client, operation, errors or {}, {"UserPoolId": self._config.user_pool_id, **parameters})

    def administer_all(
        self, operation: str, member: str, errors: ErrorsByCode | None = None, **parameters: Any
    ) -> Iterator[Any]:
        """Iterate over `member` of all pages of a list operation (`NextToken`)."""
        for _ in range(MAX_PAGES):
            answer = self.administer(operation, errors, **parameters)
            yield from answer[member]
            if not answer.get("NextToken"):
                return
            parameters["NextToken"] = answer["NextToken"]
        logger.warning("Cognito %s has more than %s pages; the rest was not read.", operation, MAX_PAGES)
        raise CognitoUnavailable

    @cached_property
    def _administrator(self) -> Any:
        # Administrative operations are idempotent, so they are retried.
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


def pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


class Answer(dict[str, Any]):
    """A response of Cognito. Access to a missing member raises CognitoUnavailable, and is logged."""

    def __missing__(self, name: str) -> Any:
        logger.warning("A response of Cognito has no member %s.", name)
        raise CognitoUnavailable


class _ForeignResponse(Exception):
    """A success response that is not from Cognito, but from a proxy or a captive portal."""


def _check_response(response_dict: dict[str, Any], **_: Any) -> None:
    """Reject responses that are not from Cognito, before botocore parses them: it accepts any body with status 200.

    A response of Cognito is a JSON object with a content type of its own; an error has its name in `__type` (AWS JSON
    protocol 1.1). Any other success raises _ForeignResponse; of an error without a name only the status is kept.
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
    """Call `operation` within a slot of the bulkhead, translate its error, and send the signal `cognito_called`."""
    started = time.monotonic()
    outcome = "ok"
    try:
        with _bulkhead.slot() as has_slot:
            if not has_slot:
                logger.warning("Cognito %s was not called: no slot of the bulkhead is free.", operation)
                raise CognitoNotAsked
            asked_at = time.monotonic()
            answer = _send(client, operation, errors, parameters)
            # Cut-offs of tokens follow the clock of Cognito (accounts.tokens.revocation).
            headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            cognito_clock.observe(headers.get("date"), asked_at)
            return answer
    except Exception as error:
        outcome = _OUTCOMES.get(type(error), "refused")
        raise
    finally:
        cognito_called.send_robust(
            CognitoClient, operation=operation, outcome=outcome, seconds=time.monotonic() - started
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
        # botocore checks the same rules before it sends anything.
        logger.info("Cognito %s was not called: %s.", operation, cause_of(str(error)).text)
        raise errors.get("InvalidParameterException", CognitoMisconfigured)() from None
    except NoCredentialsError as error:
        logger.error("Cognito %s could not be called: %s. Check the AWS credentials.", operation, type(error).__name__)
        raise CognitoMisconfigured from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        logger.warning("Cognito %s: no connection: %s", operation, type(error).__name__)
        raise CognitoNotAsked from None
    except BotoCoreError as error:
        logger.warning("Cognito %s failed: %s", operation, type(error).__name__)
        raise CognitoUnavailable from None
    except _ForeignResponse:
        logger.warning("Cognito %s: the success response is not from Cognito.", operation)
        raise CognitoUnavailable from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # botocore does not check the types inside a response.
        logger.warning("Cognito %s: the response cannot be parsed: %s", operation, type(error).__name__)
        raise CognitoUnavailable from None


# Errors with several possible causes: the cause is logged.
_EXPLAINED = (
    "InvalidParameterException",
    "InvalidLambdaResponseException",
    "UnexpectedLambdaException",
    "UserLambdaValidationException",
)


def _translate(operation: str, error: ClientError, errors: ErrorsByCode) -> Exception:
    """Our exception for an error of Cognito. Unknown codes mean CognitoMisconfigured, or CognitoUnavailable for 5xx."""
    told = error.response.get("Error", {})
    code = told.get("Code", "")[:64]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    cause = cause_of(told.get("Message", ""))
    known: type[Exception] | None = errors.get(code) or ERRORS_OF_COGNITO.get(code)
    if known is not None and not cause.is_configuration:
        if code in _EXPLAINED:
            logger.info("Cognito %s refused: %s: %s.", operation, code, cause.text)
        return known()
    # botocore uses the status as the code of a response without an error name: such a response is not from Cognito.
    if status >= 500 or not code or code.isdigit():
        logger.warning("Cognito %s failed: HTTP %s", operation, status)
        return CognitoUnavailable()
    logger.error("Cognito %s refused: %s: %s. Check the app client and the pool.", operation, code, cause.text)
    return CognitoMisconfigured()
