"""What can be wrong with a request for books? Each error has a status, a stable code and a sentence."""

from typing import ClassVar

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class BadParameter(ValidationError):
    """400: the query string. Its detail maps parameter names to lists of what is wrong with them."""

    in_query: ClassVar[bool] = True


class IsbnTaken(APIException):
    """409: another book has this ISBN already."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "Another book has this ISBN."
    default_code = "isbn_taken"


class PreconditionFailed(APIException):
    """412: the book is not in the state the client believes it to be in (RFC 9110 section 13). Nothing changed."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The book has changed since you read it. Read it again."
    default_code = "precondition_failed"
