"""What does a log line look like? JSON for machines, one calm line for people; never a token in either."""

import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that this thread is serving."""

# A JWT or the beginning of one: its header is base64url of `{"`. Belt and braces: nothing of ours logs a token.
_TOKEN = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}")


def redacted(text: str) -> str:
    """`text` with anything that looks like a JWT replaced."""
    return _TOKEN.sub("[token]", text)


class RequestFilter(logging.Filter):
    """Gives every record the id of its request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        record.request_id = REQUEST_ID.get()
        return True


class SecurityFilter(logging.Filter):
    """Makes one short warning of what Django logs of a request that it takes for an attack (SuspiciousOperation).

    It is the request that is wrong, and a traceback of Django's own code does not say more about it; the message may
    repeat what the client has sent, at any length.
    """

    MAX_LENGTH = 300  # characters

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        if record.name.startswith("django.security."):
            record.exc_info, record.exc_text = None, None
            record.msg, record.args = record.getMessage()[: self.MAX_LENGTH], None
            record.levelno = min(record.levelno, logging.WARNING)
            record.levelname = logging.getLevelName(record.levelno)
        return True


class PeopleFormatter(logging.Formatter):
    """A line to read at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and a traceback below it when there is one."""
        return redacted(super().format(record))


class JSONFormatter(logging.Formatter):
    """One JSON object a line. Keys given as `extra={"fields": {...}}` are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The object as text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redacted(orjson.dumps(line, default=str).decode())
