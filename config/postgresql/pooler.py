"""Detection of a connection pooler between this service and PostgreSQL, and of time-outs that are missing behind one.

A pooler that multiplexes issues cancel keys of its own: the process id in its BackendKeyData message is not the one
that `pg_backend_pid()` tells (PostgreSQL 15, "55.2.1. Start-up"). Amazon RDS Proxy is known by its host name as well.

Each probe is a connection of its own without start-up options, since poolers may refuse those.
"""

import re
import time
from contextlib import closing
from functools import cache
from typing import Any, NamedTuple

from django.db import OperationalError, connections
from psycopg import Connection, sql
from psycopg import OperationalError as NoConnection

from config.postgresql.base import DatabaseWrapper
from config.postgresql.timeouts import TimeoutConnection

PROBE_SECONDS = 2.0  # for the connection, and for its answer
KEPT_SECONDS = 10.0  # for how long a finding is given again: anybody may ask /readyz

TIMEOUTS = {"statement_timeout": "15s", "idle_in_transaction_session_timeout": "30s"}
"""What the role needs behind a pooler, with the values that are sent as start-up options where there is none."""

_QUESTION = """
SELECT pg_backend_pid(), session_user,
    ARRAY(SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = '0' ORDER BY name DESC)
"""
_RDS_PROXY = re.compile(r"\.proxy-[a-z0-9-]+\.[a-z0-9-]+\.rds\.amazonaws\.")


class Fault(NamedTuple):
    """What is wrong with a connection: a few words for `/readyz`, and what an operator does about it."""

    summary: str
    remedy: str


def fault_of(alias: str) -> Fault | None:
    """What is wrong with the way to the database `alias`, or None. At most KEPT_SECONDS old.

    A pooler without DATABASE_POOLER=transaction, or the latter with a role that has no time-outs. None for SQLite.
    Raises OperationalError where no connection can be made.
    """
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        return None
    found = _kept.get(alias)
    if found is None or time.monotonic() - found[0] > KEPT_SECONDS:
        try:
            found = _kept[alias] = (time.monotonic(), _probe(connection))
        except NoConnection as error:
            raise OperationalError(*error.args) from error
    return found[1]


_kept: dict[str, tuple[float, Fault | None]] = {}


def _probe(wrapper: DatabaseWrapper) -> Fault | None:
    with closing(_connect(wrapper)) as connection:
        process, role, missing = connection.execute(_QUESTION, [list(TIMEOUTS)]).fetchone()  # type: ignore[misc]
        told = connection.info.backend_pid
        if wrapper.is_pooled:
            return _lack_of(missing, sql.Identifier(role).as_string(connection)) if missing else None
    if _RDS_PROXY.search(str(wrapper.settings_dict["HOST"])):
        name = "RDS Proxy"
    elif told != process:
        name = _name(wrapper.alias)
    else:
        return None
    return Fault(
        f"{name}, without DATABASE_POOLER=transaction",
        f"Set DATABASE_POOLER=transaction: {name} may give each transaction another connection to PostgreSQL, on which"
        " what was prepared is missing or another statement. See docs/scale.md.",
    )


def _lack_of(timeouts: list[str], role: str) -> Fault:
    statements = " ".join(f"ALTER ROLE {role} SET {name} = '{TIMEOUTS[name]}';" for name in timeouts)
    return Fault(
        f"the role lacks {', '.join(timeouts)}",
        f"Start-up options do not pass a pooler. Run, as this role or as superuser: {statements} They hold for new"
        " connections: reconnect the pooler then.",
    )


def _connect(wrapper: DatabaseWrapper, **other: Any) -> "Connection[Any]":
    """A connection past the pool of this process, with nothing prepared and no start-up options."""
    parameters = {**wrapper.get_connection_params(), "prepare_threshold": None, "autocommit": True, **other}
    parameters.pop("options", None)
    connection = TimeoutConnection.connect(**{**parameters, "connect_timeout": round(PROBE_SECONDS)})
    connection.answer_timeout = PROBE_SECONDS
    return connection


@cache
def _name(alias: str) -> str:
    """The name of the pooler before `alias`.

    PgBouncer keeps a database of its name for itself ("Admin console"), whatever it says to us there; others pass the
    question on, and PostgreSQL knows no such database.
    """
    wrapper = connections[alias]
    assert isinstance(wrapper, DatabaseWrapper)  # noqa: S101 - for mypy
    try:
        with closing(_connect(wrapper, dbname="pgbouncer")) as connection:
            version = connection.info.parameter_status("server_version") or ""
            return "PgBouncer" if version.endswith("/bouncer") else "a connection pooler"
    except NoConnection as error:
        unknown = re.search("does not exist|pg_hba", str(error))
        return "a connection pooler" if unknown else "PgBouncer"
