"""Errors of the catalogue's API, each with a status, a stable code and a sentence."""

from typing import ClassVar

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class BadParameter(ValidationError):
    """400: bad query parameters. `detail` maps their names to lists of errors."""

    in_query: ClassVar[bool] = True


class IsbnTaken(APIException):
    """409: another book has this ISBN already."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "Another book has this ISBN."
    default_code = "isbn_taken"


class PreconditionFailed(APIException):
    """412: If-Match or If-None-Match failed (RFC 9110 section 13.2). Nothing was changed."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The book has changed since you read it. Read it again."
    default_code = "precondition_failed"
