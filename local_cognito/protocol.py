"""The AWS JSON 1.1 protocol: a POST with X-Amz-Target, answered with JSON or an error code."""

import json
import logging
import re
import uuid
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from local_cognito import shapes
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.operations import MOTOS, OURS
from local_cognito.pass_through import PassThrough

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/x-amz-json-1.1"
_TARGET = "AWSCognitoIdentityProviderService."
_EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"


class Protocol:
    """Answers API calls. One lock around all of them: moto has none."""

    def __init__(self, cognito: Cognito) -> None:
        self._cognito = cognito
        self._moto = PassThrough(cognito.store.account_id, cognito.store.region)

    def respond(self, request: Request) -> Response:
        """The answer to one POST; never anything but JSON, whatever arrives."""
        public = True
        try:
            model = self._operation(request)
            public = shapes.is_public(model)
            if not public:
                self._check_signature(request.headers.get("Authorization"))
            body = _decode(request.get_data())
            shapes.check(model, body)
            with self._cognito.lock:
                response = _json(200, self._run(model.name, body))
        except CognitoError as error:
            response = refusal(error)
        # A web page may call what a browser app needs, and may not read what needs AWS keys.
        return allow_any_origin(response) if public else response

    def _operation(self, request: Request) -> Any:
        target = request.headers.get("X-Amz-Target", "")
        model = shapes.operation(target.removeprefix(_TARGET)) if target.startswith(_TARGET) else None
        if model is None:
            raise CognitoError("UnknownOperationException", "There is no such operation")
        return model

    def _check_signature(self, authorization: str | None) -> None:
        """A signature must be there and name this region and service; whose keys made it is not asked."""
        if not authorization:
            raise CognitoError("MissingAuthenticationTokenException", "Missing Authentication Token")
        scope = re.match(r"AWS4-HMAC-SHA256 Credential=[^/\s]+/\d{8}/([^/\s]+)/([^/\s]+)/aws4_request", authorization)
        if scope is None:
            raise CognitoError("IncompleteSignatureException", "The Authorization header is no AWS signature")
        if scope.groups() != (self._cognito.store.region, "cognito-idp"):
            raise CognitoError(
                "InvalidSignatureException",
                f"Credential should be scoped to region {self._cognito.store.region} and service cognito-idp",
            )

    def _run(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if name in OURS:
            return OURS[name](self._cognito, body)
        if name not in MOTOS:
            raise CognitoError("UnsupportedOperationException", f"The local Cognito does not know {name}")
        if "Username" in body and "UserPoolId" in body:
            # moto compares names letter by letter; Cognito takes any of a person's names, in any case.
            user = self._cognito.store.pool(body["UserPoolId"]).find(body["Username"])
            body = {**body, "Username": user.username if user else body["Username"]}
        return self._moto.call(name, body)


def _decode(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data or b"{}")
        # A lone surrogate is valid JSON and no text: it could not be hashed or compared.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CognitoError("SerializationException", "The body is not JSON") from error
    if not isinstance(body, dict):
        raise CognitoError("SerializationException", "The body is not a JSON object")
    return {name: value for name, value in body.items() if value is not None}


def _json(status: int, answer: dict[str, Any]) -> Response:
    def timestamp(value: Any) -> float:
        if isinstance(value, datetime):
            return value.timestamp()
        raise TypeError(f"{type(value).__name__} has no JSON form")

    response = Response(json.dumps(answer, default=timestamp), status, content_type=CONTENT_TYPE)
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def refusal(error: CognitoError) -> Response:
    """An error as the protocol has it: the code in the body and in a header."""
    response = _json(error.status, {"__type": error.code, "message": error.message})
    response.headers["x-amzn-ErrorType"] = f"{error.code}:"
    # A header is one line of Latin-1; what was sent is sometimes part of the sentence.
    message = error.message.encode("ascii", "replace").decode()
    response.headers["x-amzn-ErrorMessage"] = re.sub(r"[^\x20-\x7e]", "?", message)
    return response


def internal_error() -> Response:
    """The answer to a mistake of ours."""
    return allow_any_origin(refusal(CognitoError("InternalErrorException", "Something went wrong", 500)))


def allow_any_origin(response: Response) -> Response:
    """Readable by any web page, as AWS has it: nothing here depends on cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def preflight(request: Request, methods: str) -> Response:
    """The answer to a CORS preflight. A signature is the one header a web page may not send here."""
    asked = request.headers.get("Access-Control-Request-Headers", "").split(",")
    names = [name.strip() for name in asked if re.fullmatch(r"[\w-]+", name.strip())]
    response = allow_any_origin(Response(status=204))
    response.headers["Access-Control-Allow-Methods"] = methods
    response.headers["Access-Control-Allow-Headers"] = ",".join(n for n in names if n.lower() != "authorization")
    response.headers["Access-Control-Max-Age"] = "172800"
    return response
