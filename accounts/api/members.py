"""Serializer base class that refuses unknown members of a JSON object."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

MAX_REPORTED = 20  # unknown members listed in one response: a body can hold a hundred thousand


class KnownMembers(serializers.Serializer[Any]):
    """A serializer whose input may hold its own fields and nothing else.

    A misspelt name would otherwise be ignored, and the response would report success. Read-only
    fields are known; their values are ignored, so that a document can be sent back as it was read.
    """

    default_error_messages: ClassVar = {"unknown": "There is no member of this name."}

    def to_internal_value(self, data: Any) -> Any:
        """The validated values. Raises ValidationError: `unknown` for each unknown member, beside all other errors."""
        errors: dict[str, Any] = {}
        values = None
        try:
            values = super().to_internal_value(data)
        except ValidationError as refusal:
            if not isinstance(data, Mapping) or not isinstance(refusal.detail, dict):
                raise
            errors = refusal.detail
        unknown = islice((name for name in data if name not in self.fields), MAX_REPORTED)
        errors |= {name: [ErrorDetail(str(self.error_messages["unknown"]), code="unknown")] for name in unknown}
        if errors:
            raise ValidationError(errors)
        return values
