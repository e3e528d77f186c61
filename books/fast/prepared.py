"""How is asked what is asked again and again in the same words? By a cursor whose statements are planned once."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper


def prepared_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """Such a cursor where the backend has one (config/postgresql); an ordinary one where it does not."""
    cursor: CursorWrapper = getattr(connection, "prepared_cursor", connection.cursor)()
    return cursor
