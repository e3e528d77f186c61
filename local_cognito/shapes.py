"""Validation of requests against the shapes of AWS's service model, as shipped with botocore.

AWS checks every request against this model before anything else happens; botocore itself checks only
required members and minimum lengths, so a client learns of the rest from the server.
"""

import re
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from local_cognito.errors import CognitoError, invalid_parameter

# Java's \p{L}\p{M}\p{S}\p{N}\p{P} is "anything visible", which Python's re cannot say: everything but
# separators, controls and private use. Code points Unicode has not assigned yet slip through.
_JAVA_VISIBLE = r"\p{L}\p{M}\p{S}\p{N}\p{P}"
_VISIBLE = (
    r"\x21-\x7e\xa1-\xac\xae-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff"
    r"\u3001-\ud7ff\uf900-\ufefe\uff00-\U0010ffff"
)
# Patterns that the service itself enforces, where they differ from its published model. It accepts a blank inside a
# password ("Adding user pool password requirements": non-leading, non-trailing space characters), and its error names
# this pattern; botocore's model has [\S]+.
_ENFORCED_PATTERNS = {"PasswordType": r"^[\S]+.*[\S]+$"}
_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
    "timestamp": (int, float),
    "blob": str,
}


@cache
def service() -> ServiceModel:
    """The service model of cognito-idp."""
    return ServiceModel(Loader().load_service_model("cognito-idp", "service-2"), "cognito-idp")


@cache
def operation(name: str) -> OperationModel | None:
    """The model of one operation, or None where AWS has none of that name."""
    return service().operation_model(name) if name in service().operation_names else None


def is_public(model: OperationModel) -> bool:
    """True for operations that AWS takes without a signature (SignUp, InitiateAuth, GetUser ...)."""
    return str(model.auth_type) == "none"


def check(model: OperationModel, request: dict[str, Any]) -> None:
    """Hold a decoded request against the model.

    Raises CognitoError: SerializationException for a wrong JSON type, InvalidParameterException for anything
    missing, too short, too long, out of a pattern or an enumeration. The sentence never repeats the value,
    which may be a password. Members the model does not know are ignored, as AWS does.
    """
    if model.input_shape:
        _check(model.input_shape, request, "request")


def _check(shape: Shape, value: Any, where: str) -> None:
    expected = _TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise CognitoError("SerializationException", f"{where} is not a {shape.type_name}")
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                raise _constraint(f"{where}.{name}", "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _check(member, value[name], f"{where}.{name}")
        return
    _check_size(shape, value, where)
    if shape.type_name == "list":
        for index, item in enumerate(value):
            _check(shape.member, item, f"{where}.{index}")
    elif shape.type_name == "map":
        for key, item in value.items():
            _check(shape.key, key, f"a key of {where}")
            _check(shape.value, item, f"{where}.{key}")
    elif shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            raise _constraint(where, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = _ENFORCED_PATTERNS.get(shape.name, shape.metadata.get("pattern"))
        if pattern and not _compiled(pattern).fullmatch(value):
            raise _constraint(where, f"Member must satisfy regular expression pattern: {pattern}")


def _check_size(shape: Shape, value: Any, where: str) -> None:
    size = len(value) if isinstance(value, str | list | dict) else value
    if "min" in shape.metadata and size < shape.metadata["min"]:
        raise _constraint(where, f"Member must have length or value of at least {shape.metadata['min']}")
    if "max" in shape.metadata and size > shape.metadata["max"]:
        raise _constraint(where, f"Member must have length or value of at most {shape.metadata['max']}")


def _constraint(where: str, rule: str) -> CognitoError:
    return invalid_parameter(
        f"1 validation error detected: Value at '{where.removeprefix('request.')}' failed to satisfy constraint: {rule}"
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, ours in ((_JAVA_VISIBLE, _VISIBLE), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, ours)
    return re.compile(pattern, re.ASCII)


def required(parameters: dict[str, str], name: str) -> str:
    """A member of AuthParameters or ChallengeResponses, which the model does not describe.

    Raises CognitoError (InvalidParameterException) when it is absent or empty.
    """
    value = parameters.get(name)
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return value
