"""What does the database hold now? Told by a name that is never used twice, so that equal names mean equal rows.

It is the snapshot that PostgreSQL would give to a query now: two equal ones see the same rows, whoever wrote what in
between (PostgreSQL 15, "9.27.8. Transaction ID and Snapshot Information Functions"). After a crash PostgreSQL gives the
numbers of transactions that left nothing a second time: it makes a checkpoint first, and a restored one has started at
another time. A replica's snapshots do not tell all; how much of the log it has replayed does.

SQLite cannot tell, nor a PostgreSQL that does not let us call these functions; and inside a transaction nobody can: it
sees its own writes without any change of its snapshot.
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
# The snapshot of the statement that this stands in, worked out once. A replica's log runs on while rows are read.
_HERE = f"(SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_snapshot()::text || ' ' || {_SINCE} END)"

_ASKED = "books.version"  # in the META of a request: nothing that a client sends can have this name
# The databases that have told it to this process: a statement that reads rows must not fail for want of it.
_tells: set[str] = set()


def told_by(connection: BaseDatabaseWrapper) -> str:
    """The SQL of VERSION, for a statement that reads rows; NULL where nobody can tell."""
    if not _can_tell(connection):
        return "NULL"
    return _HERE if connection.alias in _tells or _ask(connection.alias) else "NULL"


def asked(request: HttpRequest | Request, database: str) -> str | None:
    """The version of `database` when this was first asked about `request`, or None where nobody can tell.

    What is read afterwards is never older than that.
    """
    if _ASKED not in request.META:
        request.META[_ASKED] = _ask(database)
    version: str | None = request.META[_ASKED]
    return version


def _ask(database: str) -> str | None:
    connection = connections[database]
    if not _can_tell(connection):
        return None
    try:
        with prepared_cursor(connection) as cursor:
            cursor.execute(_NOW)
            version: str | None = cursor.fetchone()[0]
    except Error:
        return None
    _tells.add(database)
    return version


def _can_tell(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql" and not connection.in_atomic_block
