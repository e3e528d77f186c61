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
from accounts.tokens.clock import cognito_clock
from accounts.tokens.conf import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, CognitoConfig
from accounts.tokens.exceptions import (
    ERRORS_OF_COGNITO,
    AddressNotAccepted,
    CognitoMisconfigured,
    CognitoNotAsked,
    CognitoUnavailable,
    TooManyAttempts,
)
from accounts.tokens.signals import cognito_called

logger = logging.getLogger(__name__)

# Of one list: 60 elements each. More than a pool may have groups ("Quotas in Amazon Cognito": 10,000).
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
        # Public operations are never signed (botocore's own model says so), and never retried: a repeated SignUp
        # comes back as "user exists", a repeated code as "expired". The credential chain is not touched.
        self._public = self._client(signature_version=UNSIGNED, retries={"mode": "standard", "total_max_attempts": 1})

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


def pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
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
