"""Session store in the database that ignores malformed session keys."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Django's database store for alphanumeric keys only: PostgreSQL rejects NUL in text."""

    def __init__(self, session_key: str | None = None) -> None:
        could_be_ours = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if could_be_ours else None)
