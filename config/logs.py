"""Log formatters and filters: JSON lines, or text while debugging, both without tokens."""

import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the current request."""

# A JWT, or its beginning: base64url of `{"`. A second line of defence: no code of this service logs a token.
_TOKEN = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}")


def redacted(text: str) -> str:
    """`text` with anything that looks like a JWT replaced."""
    return _TOKEN.sub("[token]", text)


class RequestFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        record.request_id = REQUEST_ID.get()
        return True


class SecurityFilter(logging.Filter):
    """Shortens Django's records about suspicious requests (SuspiciousOperation) to a warning without a traceback.

    The request is at fault, so a traceback of Django's code adds nothing; the message may repeat client input of any
    length.
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


class TextFormatter(logging.Formatter):
    """One line of text, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, followed by a traceback if there is one."""
        return redacted(super().format(record))


class JSONFormatter(logging.Formatter):
    """One JSON object per line. The keys of `extra={"fields": {...}}` become members."""

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
