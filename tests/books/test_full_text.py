"""The full-text index on SQLite loses its triggers when Django makes a table anew, and is restored by itself."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connection, models

from books import writing
from books.full_text import incomplete
from books.models import Author, Book
from tests.books.conftest import BOOKS, titles
from tests.conftest import Client

ROOT = Path(__file__).resolve().parents[2]
sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL changes a table in place.")


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., str]:
    """A copy of the project with a database of its own; runs a command of manage.py there, and gives what it said."""
    for part in ("accounts", "books", "config", "templates"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    environment = {**os.environ, "DJANGO_DEBUG": "true", "DATABASE_URL": f"sqlite:///{tmp_path}/books.sqlite3"}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


ADD = "from books import writing; writing.add(title='{}', author_names=['Herman Melville'])"
FIND = "from books.models import Author, Book; print(*Book.objects.matching('{}'), *Author.objects.all())"


def test_a_column_is_added_as_the_operators_page_says_and_everything_is_found(
    manage: Callable[..., str], tmp_path: Path
) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    column = 'shelf = models.CharField(max_length=20, default="", db_default="")'
    assert column in page
    manage("migrate", "-v", "0", "--skip-checks")
    manage("shell", "-c", ADD.format("Moby-Dick"))
    file = tmp_path / "books/models.py"
    before = '    version = VersionField()\n    title_key = SortKeyField(source="title")\n'
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, f"    {column}\n{before}"))
    manage("makemigrations", "books", "-n", "shelf", "--skip-checks")
    # A migration that writes, in the same run: after the table was made anew, and before anything is restored.
    (tmp_path / "books/migrations/0900_words.py").write_text(
        "from django.db import migrations\n"
        "def forwards(apps, schema_editor):\n"
        "    apps.get_model('books', 'Book').objects.update(title='White whale', words=' white whale ')\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = [('books', '{next((tmp_path / 'books/migrations').glob('*_shelf.py')).stem}')]\n"
        "    operations = [migrations.RunPython(forwards)]\n"
    )
    manage("migrate", "-v", "0", "--skip-checks")
    manage("shell", "-c", ADD.format("Typee"))
    assert "Typee Herman Melville" in manage("shell", "-c", FIND.format("typee"))
    assert "White whale Herman Melville" in manage("shell", "-c", FIND.format("whale"))
    assert "Moby" not in manage("shell", "-c", FIND.format("moby"))
    assert "W001" not in manage("check", "--database", "default", "--tag", "database")


@sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Book, Author])
def test_what_a_new_table_loses_is_reported_and_restored(visitor: Client, model: type[models.Model]) -> None:
    writing.add(title="Moby-Dick", author_names=["Herman Melville"])
    with connection.schema_editor() as editor:
        editor._remake_table(model)  # type: ignore[attr-defined]
    assert incomplete(connection) == [model._meta.db_table]
    told = visitor.get("/readyz").json()
    assert (told["status"], told["checks"]["migrations"]) == ("degraded", "incomplete")
    warnings = checks.run_checks(tags=["database"], databases=["default"])
    assert [(warning.id, model._meta.db_table in warning.msg) for warning in warnings] == [("books.W001", True)]
    writing.add(title="Typee", author_names=["H. Melville"])
    call_command("migrate", verbosity=0)
    assert incomplete(connection) == []
    assert visitor.get("/readyz").json()["checks"]["migrations"] == "ok"
    assert titles(visitor.get(BOOKS, {"search": "typee"})) == ["Typee"]
    assert Author.objects.matching("melville").count() == 2
    writing.change(Book.objects.get(title="Typee"), title="Omoo")
    writing.discard(Book.objects.get(title="Moby-Dick"))
    assert titles(visitor.get(BOOKS, {"search": "typee"})) == titles(visitor.get(BOOKS, {"search": "moby"})) == []
    assert titles(visitor.get(BOOKS, {"search": "omoo"})) == ["Omoo"]


@sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("left", [[], ["Typee"]])
def test_the_number_of_a_deleted_book_is_not_given_again_after_its_table_was_made_anew(left: list[str]) -> None:
    for title in left:
        writing.add(title=title, author_names=["Herman Melville"])
    gone = writing.add(title="Moby-Dick", author_names=["Herman Melville"])
    number = gone.pk
    writing.discard(gone)
    with connection.schema_editor() as editor:
        editor._remake_table(Book)  # type: ignore[attr-defined]
    call_command("migrate", verbosity=0)
    assert writing.add(title="Omoo", author_names=["Herman Melville"]).pk > number


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has triggers instead.")
@pytest.mark.django_db
def test_an_index_that_was_dropped_is_reported() -> None:
    assert incomplete(connection) == []
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX books_author_search")
    assert incomplete(connection) == ["books_author"]


@sqlite
@pytest.mark.django_db(transaction=True)
def test_before_its_migration_and_after_it_is_taken_back_nothing_is_missing() -> None:
    try:
        call_command("migrate", "books", "0001", verbosity=0)
        assert incomplete(connection) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'books_book_words%%'")
            assert cursor.fetchone() == (0,)
    finally:
        call_command("migrate", verbosity=0)
    writing.add(title="Moby-Dick", author_names=["Herman Melville"])
    assert Book.objects.matching("moby").count() == 1
