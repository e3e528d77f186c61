"""Server-side prepared statements, planned once for each connection."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper


def prepared_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor that prepares its statements, if the backend has one (config/postgresql); else an ordinary one."""
    cursor: CursorWrapper = getattr(connection, "prepared_cursor", connection.cursor)()
    return cursor
