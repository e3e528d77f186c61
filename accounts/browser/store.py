"""Where sessions are kept: in the database, and only under keys that Django could have made."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Django's own, but a cookie with any other character is no key: PostgreSQL has no NUL in its text."""

    def __init__(self, session_key: str | None = None) -> None:
        could_be_ours = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if could_be_ours else None)
