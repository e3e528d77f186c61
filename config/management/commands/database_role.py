"""`manage.py database_role`: creates the PostgreSQL role of the service, which may change rows but not tables.

Only migrations need the owner of the tables. Run by the owner (DATABASE_URL), this command creates or updates
the role that DATABASE_SERVICE_URL names, and gives it SELECT, INSERT, UPDATE and DELETE on every table of the
schema, present and future, and the time-outs that it needs behind a pooler. It is idempotent; run it after each
migration. `infra/release.sh` does so on AWS.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from config.postgresql.pooler import TIMEOUTS

SCHEMA = "public"


class Command(BaseCommand):
    """Creates or updates the role. Raises CommandError when it is not configured or PostgreSQL refuses."""

    help = "Create or update the database role of the service (DATABASE_SERVICE_URL); needs the owner's DATABASE_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create or update the role, in one transaction."""
        service = settings.DATABASE_SERVICE
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.vendor != "postgresql":
            raise CommandError("DATABASE_URL is not PostgreSQL: other databases have no roles.")
        role, password = str(service.get("USER") or ""), str(service.get("PASSWORD") or "")
        if not (role and password):
            raise CommandError("DATABASE_SERVICE_URL must name the role and its password, as DATABASE_URL does.")
        if role == connection.settings_dict["USER"]:
            raise CommandError("DATABASE_SERVICE_URL names the owner of DATABASE_URL: the service needs another role.")
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                made = _make(cursor, role, password)
                _grant(cursor, role)
        except DatabaseError as error:
            raise CommandError(f"PostgreSQL refused: {str(error).strip().splitlines()[0]}") from None
        self.stdout.write(f"The role {role} is {'created' if made else 'up to date'}: it may change rows, not tables.")


def _make(cursor: CursorWrapper, role: str, password: str) -> bool:
    """Create or update the role with LOGIN and a password; returns whether it is new.

    The password is hashed on this side (SCRAM), because the server may log statements.
    """
    verifier = cursor.connection.pgconn.encrypt_password(password.encode(), role.encode()).decode()
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    made = cursor.fetchone() is None
    statement = "CREATE ROLE {} LOGIN PASSWORD {}" if made else "ALTER ROLE {} LOGIN PASSWORD {}"
    cursor.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(verifier)))
    return made


def _grant(cursor: CursorWrapper, role: str) -> None:
    cursor.execute("SELECT current_database()")
    (database,) = cursor.fetchone()
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(SCHEMA), "database": sql.Identifier(database)}
    for statement in _GRANTS:
        cursor.execute(sql.SQL(statement).format(**names))
    # Behind a pooler (DATABASE_POOLER) only these apply; without one each connection sets the same values.
    setting = sql.SQL("ALTER ROLE {} SET {} = {}")
    for timeout, value in TIMEOUTS.items():
        cursor.execute(setting.format(names["role"], sql.Identifier(timeout), sql.Literal(value)))


_GRANTS = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",  # PostgreSQL 14 and older let every role create tables
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    # Tables of the next migration: the new version may run before this command runs again.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    # /readyz reads this table; only the owner writes it.
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
)
