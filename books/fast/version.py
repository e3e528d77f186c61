"""Version of the database: a text that is never used twice, so equal versions mean equal rows.

It is the snapshot that PostgreSQL would give to a query now: two equal ones see the same rows, whoever wrote in between
(PostgreSQL 15, "9.27.8. Transaction ID and Snapshot Information Functions"). After a crash PostgreSQL assigns the ids
of transactions that left nothing a second time, but makes a checkpoint first; a restored server has another start time.
A replica's snapshots are incomplete; its version is how much of the log it has replayed.

There is no version on SQLite, on a PostgreSQL that forbids these functions, and inside a transaction, which sees its
own writes without a change of its snapshot.
"""

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from rest_framework.request import Request

from books.fast.prepared import prepared_cursor

VERSION = "version_of_everything"
"""Name of a column that `reading.py` adds to any table on request: the version of the database at that statement."""

_SINCE = "pg_postmaster_start_time()::text || ' ' || (SELECT checkpoint_lsn::text FROM pg_control_checkpoint())"
_NOW = f"""
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text ELSE pg_current_snapshot()::text END
    || ' ' || {_SINCE}
"""
# The snapshot of the statement that contains this, evaluated once. NULL on a replica, which replays on meanwhile.
_HERE = f"(SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_snapshot()::text || ' ' || {_SINCE} END)"

_KEY = "books.version"  # key in the META of a request; no header of a client can have this name
# Databases that have answered _NOW in this process: a statement that reads rows must not fail for a permission.
_answered: set[str] = set()


def version_sql(connection: BaseDatabaseWrapper) -> str:
    """The SQL of VERSION in a statement that reads rows; NULL where there is no version."""
    if not _has_version(connection):
        return "NULL"
    return _HERE if connection.alias in _answered or _read(connection.alias) else "NULL"


def version_at(request: HttpRequest | Request, database: str) -> str | None:
    """The version of `database` at the first call for `request`; None where there is none.

    Rows that are read after the call are of this version or a later one.
    """
    if _KEY not in request.META:
        request.META[_KEY] = _read(database)
    version: str | None = request.META[_KEY]
    return version


def _read(database: str) -> str | None:
    connection = connections[database]
    if not _has_version(connection):
        return None
    try:
        with prepared_cursor(connection) as cursor:
            cursor.execute(_NOW)
            version: str | None = cursor.fetchone()[0]
    except Error:
        return None
    _answered.add(database)
    return version


def _has_version(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql" and not connection.in_atomic_block
