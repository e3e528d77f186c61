"""All values of `code` in problems, collected from exception classes, request limits, fields and validators."""

from collections.abc import Iterator
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, ValidationError

from accounts.tokens.verifier import TokenError
from config import request_limits

_OURS = ("accounts", "books", "config")


def _family(parent: type) -> Iterator[type]:
    """A class and its subclasses, in our packages or in DRF."""
    # Pages show errors as sentences, without a code.
    if parent.__module__.split(".")[0] in (*_OURS, "rest_framework") and ".browser" not in parent.__module__:
        yield parent
    children: list[type] = type.__subclasses__(parent)
    for child in children:
        yield from _family(child)


def problem_codes() -> list[str]:
    """Every value of `code` in a problem, in alphabetical order."""
    codes = {kind.__dict__["default_code"] for kind in _family(APIException) if "default_code" in kind.__dict__}
    # The base class is never raised as it is; a body that cannot be parsed is `invalid` (config.problems).
    never = {APIException.default_code, ParseError.default_code}
    return sorted(codes - never | _token_codes() | _codes_of_limits())


def _token_codes() -> set[str]:
    return {kind.code for kind in _family(TokenError) if issubclass(kind, TokenError)}


def _codes_of_limits() -> set[str]:
    limits = vars(request_limits).values()
    return {limit.code for limit in limits if isinstance(limit, request_limits.Refusal)}


def error_codes() -> list[str]:
    """Every value of `code` in the `errors` of a problem, in alphabetical order."""
    codes = {ParseError.default_code, ValidationError.default_code}
    for kind in _family(serializers.Serializer):
        if kind.__module__.split(".")[0] in _OURS:
            codes |= _codes_of(kind())
    return sorted(codes)


def _codes_of(field: Any) -> set[str]:
    """The error codes of a field, of its validators and of the fields nested in it."""
    codes = set(field.error_messages) | {validator.code for validator in field.validators if hasattr(validator, "code")}
    for inner in (*getattr(field, "fields", {}).values(), *filter(None, [getattr(field, "child", None)])):
        if not inner.read_only:
            codes |= _codes_of(inner)
    return codes
