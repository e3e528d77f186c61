"""CSV in the admin: the export of a filter, and the import with its preview."""

import csv
import io
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from books import uploads
from books.catalogues.export import guarded_cell, plain_cell
from books.models import Book, BookChange, Upload, UploadChunk
from tests.books.conftest import Shelve
from tests.books.importing import import_text

LIST = "/admin/books/book/"
EXPORT, IMPORT = f"{LIST}export/", f"{LIST}import/"
PREVIEW, DONE = f"{IMPORT}preview/", f"{IMPORT}done/"

DIRTY = (
    "isbn,title,authors,published_year,rating\n"
    "9780141439587,Emma,Jane Austen,1815,4.2\n"
    "9780141439588,Faust,Goethe,1808,\n"
    ",,Nobody,1900,\n"
    ",Ulysses,James Joyce,1922,9\n"
)


def kept() -> int:
    """How many uploads are in the database; no part is there without the rest."""
    assert set(UploadChunk.objects.values_list("upload", flat=True)) == set(Upload.objects.values_list("pk", flat=True))
    return Upload.objects.count()


def upload(browser: Browser, text: str | bytes, **how: str) -> Any:
    """The page after an upload."""
    file = SimpleUploadedFile("catalogue.csv", text.encode() if isinstance(text, str) else text)
    sent = {"preset": "own", "delimiter": ",", "encoding": "utf-8", "columns": "", **how}
    return browser.post(IMPORT, {"file": file, **sent}, follow=True)


def exported(browser: Browser, **query: str) -> str:
    """The text of an export."""
    answer: Any = browser.get(EXPORT, query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()


def state() -> list[tuple[Any, ...]]:
    """All that matters of the catalogue."""
    names = "isbn title subtitle author_names publisher published_year language page_count rating subjects description"
    return sorted(Book.objects.values_list(*names.split()), key=str)


def titles(text: str) -> list[str]:
    """The titles of an export."""
    return sorted(row["title"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_current_filter_is_exported(browser: Browser, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", language="en")
    shelve("Persuasion", "Jane Austen", language="de")
    shelve("Faust", "Goethe", language="de")
    assert titles(exported(browser)) == ["Emma", "Faust", "Persuasion"]
    assert titles(exported(browser, q="austen", language="de")) == ["Persuasion"]
    assert titles(exported(browser, q="nobody")) == []
    assert browser.get(EXPORT, {"created_at__year": "x"}).status_code == 302
    link = browser.get(LIST, {"q": "austen", "language": "de"}).content.decode()
    assert "export/?q=austen&amp;language=de" in link


@pytest.mark.parametrize("portion", [1, 2, 3, 5, 6])
def test_an_export_in_several_portions_has_every_book_once(
    portion: int, browser: Browser, shelve: Shelve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("books.admin.exporting.PORTION", portion)
    for title in ("Emma", "Persuasion", "Sanditon", "Emma", "Lady Susan"):
        shelve(title, "Jane Austen")
    shelve("Faust", "Goethe")
    assert titles(exported(browser, q="austen", o="-1")) == ["Emma", "Emma", "Lady Susan", "Persuasion", "Sanditon"]


def test_no_cell_is_a_formula(browser: Browser, shelve: Shelve) -> None:
    shelve("=HYPERLINK(1)", "@Bob", "-Eve", subtitle="+1", published_year=-750, description="'=quoted")
    row = next(csv.DictReader(io.StringIO(exported(browser).removeprefix("\ufeff"))))
    assert row["title"] == "'=HYPERLINK(1)"
    assert row["authors"] == "'@Bob;' -Eve"
    assert (row["subtitle"], row["published_year"], row["description"]) == ("'+1", "'-750", "''=quoted")


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "-", "@x", "plain", "'plain", "", "it's", "+", "＝1"])  # noqa: RUF001
def test_an_apostrophe_comes_and_goes(text: str) -> None:
    assert plain_cell(guarded_cell(text)) == text
    assert guarded_cell(text)[:1] not in ("=", "+", "-", "@")


def test_what_is_exported_is_imported_as_it_was(browser: Browser, shelve: Shelve, tmp_path: Path) -> None:
    shelve("=SUM(A1)", "@Bob", "Smith; Jones", "Back\\", subtitle="-30-", published_year=-750, language="pt-BR")
    shelve("'=Quoted", "O'Neil", subjects=["+one", "a;b", "c\\;d"], rating="4.10", isbn="9780141439587")
    shelve(
        'A "quoted", title', "Anaïs Nin", description="Two\nlines, and “quotes”", page_count=12, publisher="'t Hooft"
    )
    before, text = state(), exported(browser)
    assert import_text(tmp_path, text).happened == {"unchanged": 3}
    assert state() == before
    Book.objects.all().delete()
    assert import_text(tmp_path, text).happened == {"created": 3}
    assert state() == before


def test_other_peoples_files_keep_their_apostrophes(tmp_path: Path, db: None) -> None:
    text = "title,authors,isbn,isbn13,original_publication_year,language_code,average_rating\n'-30-,Bob,,,,,\n"
    import_text(tmp_path, text, "--preset", "goodbooks")
    assert Book.objects.get().title == "'-30-"


def test_a_preview_tells_and_writes_nothing(browser: Browser, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn="9780141439587")
    page = upload(browser, DIRTY)
    assert page.redirect_chain[-1][0] == PREVIEW
    said = page.content.decode()
    assert dict(page.context["account"]["counts"]) == {
        "read": 4,
        "created": 2,
        "updated": 1,
        "unchanged": 0,
        "rejected": 1,
    }
    assert page.context["account"]["rejects"] == [(4, "title: empty", " |  | Nobody | 1900 | ")]
    assert "isbn left out: no check digit proves it" in said
    assert "rating left out: not a number from 0 to 5" in said
    assert "Ulysses" in said
    assert Book.objects.count() == 1
    assert Book.objects.get().published_year is None


def test_a_confirmed_import_is_done_once_told_and_forgotten(browser: Browser) -> None:
    upload(browser, DIRTY)
    assert kept() == 1
    page = browser.post(PREVIEW, {"confirm": "yes"}, follow=True)
    assert page.redirect_chain[-1][0] == DONE
    assert dict(page.context["account"]["counts"])["created"] == 3
    assert "title: empty" in page.content.decode()
    assert Book.objects.count() == 3
    assert set(BookChange.objects.values_list("action", "by")) == {("imported", User.objects.get().sub)}
    assert kept() == 0
    again = browser.post(PREVIEW, {"confirm": "yes"}, follow=True)
    assert "no file waiting here any more" in again.content.decode()
    assert browser.get(DONE).status_code == 200


def test_an_import_may_be_given_up(browser: Browser) -> None:
    upload(browser, DIRTY)
    assert b"nothing was imported" in browser.post(PREVIEW, {"cancel": "yes"}, follow=True).content
    assert (kept(), Book.objects.count()) == (0, 0)


def test_a_second_upload_replaces_the_first_and_old_ones_go(browser: Browser) -> None:
    upload(browser, DIRTY)
    first = Upload.objects.get()
    upload(browser, DIRTY)
    assert kept() == 1
    Upload.objects.update(created_at=timezone.now() - timedelta(seconds=uploads.KEPT_SECONDS + 1))
    assert "no file waiting" in browser.get(PREVIEW, follow=True).content.decode()
    bob = Browser()
    bob.force_login(User.objects.create_superuser("Bob"))
    upload(bob, DIRTY)
    assert kept() == 1
    assert Upload.objects.get().owner != first.owner


def test_what_nobody_confirmed_goes_with_the_sessions_every_night(browser: Browser) -> None:
    upload(browser, DIRTY)
    call_command("clearsessions")
    assert kept() == 1
    Upload.objects.update(created_at=timezone.now() - timedelta(seconds=uploads.KEPT_SECONDS + 1))
    call_command("clearsessions")
    assert kept() == 0


def test_no_one_fills_the_database_with_what_waits(browser: Browser, monkeypatch: Any) -> None:
    browsers = [browser]
    for _ in range(uploads.MAX_OF_ONE_PERSON + 2):
        upload(browsers[-1], DIRTY)
        browsers.append(Browser())
        browsers[-1].force_login(User.objects.get())
    assert kept() == uploads.MAX_OF_ONE_PERSON
    assert "no file waiting" in browsers[0].get(PREVIEW, follow=True).content.decode()
    assert browsers[-2].get(PREVIEW).status_code == 200
    monkeypatch.setattr(uploads, "MAX_BYTES_IN_ALL", len(DIRTY) * uploads.MAX_OF_ONE_PERSON - 1)
    page = upload(browsers[-1], DIRTY)
    assert page.status_code == 503
    assert "Too many files wait" in page.content.decode()
    assert kept() == uploads.MAX_OF_ONE_PERSON, "what is refused takes nobody's place"


def test_another_server_shows_and_imports_what_this_one_was_sent(
    browser: Browser, tmp_path: Path, settings: Any, monkeypatch: Any
) -> None:
    """Two servers share the database and nothing else: here the second has another directory for temporary files."""
    upload(browser, DIRTY)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    assert b"Ulysses" in browser.get(PREVIEW).content
    page = browser.post(PREVIEW, {"confirm": "yes"}, follow=True)
    assert dict(page.context["account"]["counts"])["created"] == 3


def test_a_file_is_read_back_as_it_was_in_chunks(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(uploads, "CHUNK_BYTES", 1000)
    content = random.Random(1).randbytes(5500)
    key = Upload.objects.keep(SimpleUploadedFile("catalogue.csv", content), "ada")
    parts = UploadChunk.objects.order_by("number").values_list("data", flat=True)
    assert [len(part) for part in parts] == [1000] * 5 + [500]
    waiting = Upload.objects.of(key, "ada")
    assert waiting is not None
    with waiting.open() as binary:
        assert binary.read() == content
    with CaptureQueriesContext(connection) as queries, waiting.open() as binary:
        assert binary.read(10) == content[:10]
    assert len(queries) == 1, "no more is read than is asked for"
    with waiting.open() as binary:
        assert binary.read(1000) == content[:1000]
        Upload.objects.give_up(key, "ada")
        with pytest.raises(uploads.GoneError):
            binary.read()


def test_a_file_that_is_being_imported_is_neither_taken_again_nor_deleted(browser: Browser) -> None:
    upload(browser, DIRTY)
    waiting = Upload.objects.get()
    Upload.objects.take(waiting.key, waiting.owner)
    assert "no file waiting" in browser.post(PREVIEW, {"confirm": "yes"}, follow=True).content.decode()
    assert "no file waiting" in browser.post(PREVIEW, {"cancel": "yes"}, follow=True).content.decode()
    upload(browser, DIRTY)
    assert kept() == 2
    assert Upload.objects.filter(pk=waiting.pk).exists()
    with pytest.raises(uploads.GoneError):
        Upload.objects.take(waiting.key, waiting.owner)


def test_a_file_that_is_confirmed_in_its_last_minute_does_not_expire_while_it_is_imported(browser: Browser) -> None:
    upload(browser, DIRTY)
    Upload.objects.update(created_at=timezone.now() - timedelta(seconds=uploads.KEPT_SECONDS - 60))
    waiting = Upload.objects.get()
    Upload.objects.take(waiting.key, waiting.owner)
    Upload.objects.update(created_at=F("created_at") - timedelta(seconds=120))  # the import takes two minutes
    upload(browser, DIRTY)
    assert Upload.objects.filter(pk=waiting.pk).exists()


def test_a_file_that_is_deleted_while_it_is_imported_is_told_in_words(browser: Browser) -> None:
    upload(browser, DIRTY)
    UploadChunk.objects.all().delete()
    page = browser.post(PREVIEW, {"confirm": "yes"}, follow=True)
    assert page.status_code == 200
    assert "The file was deleted on the way." in page.content.decode()
    assert Upload.objects.count() == 0


def test_a_file_waits_for_its_own_session_alone(browser: Browser) -> None:
    upload(browser, DIRTY)
    bob = Browser()
    bob.force_login(User.objects.create_superuser("Bob"))
    assert "no file waiting" in bob.get(PREVIEW, follow=True).content.decode()
    assert "no file waiting" in bob.post(PREVIEW, {"confirm": "yes"}, follow=True).content.decode()
    assert Book.objects.count() == 0
    assert kept() == 1


def test_a_file_too_large_is_refused_in_words(browser: Browser, monkeypatch: Any) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 100)
    page = upload(browser, DIRTY)
    assert page.status_code == 400
    assert "larger than 20 MB" in page.content.decode()
    page = upload(browser, DIRTY * 1000)
    assert page.status_code == 413, "its length alone says it"
    assert "larger than 20 MB" in page.content.decode()
    assert kept() == 0


@pytest.mark.parametrize(
    "text, how, said",
    [
        ("", {}, "empty"),
        ("name,writer\nEmma,Jane\n", {}, "No column for title and authors"),
        ("title;authors\nEmma;Jane\n", {}, "check the delimiter"),
        (DIRTY, {"encoding": "utf-16"}, "does not start with BOM"),
        (DIRTY, {"columns": "title=Titel"}, "There is no column &#x27;Titel&#x27;"),
        (DIRTY, {"columns": "titel=title"}, "write field=column"),
        (DIRTY, {"preset": "amazon"}, "Select a valid choice"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(browser: Browser, text: str, how: dict[str, str], said: str) -> None:
    page = upload(browser, text, **how)
    assert said in page.content.decode()
    assert not Book.objects.exists()


def test_other_columns_delimiters_and_encodings(browser: Browser, db: None) -> None:
    text = "Titel\tVon\nHäuser\tJürgen\n".encode("windows-1252")
    upload(browser, text, delimiter="tab", encoding="windows-1252", columns="title=Titel\nauthors=Von")
    browser.post(PREVIEW, {"confirm": "yes"})
    assert (Book.objects.get().title, Book.objects.get().author_names) == ("Häuser", ["Jürgen"])


@pytest.mark.parametrize(
    "text", [b"\xff\xfe\x00bad,\x00\n\x00,\xff", b"title,authors\n\xff\xfe,\x00\n", b'title,authors\n"x']
)
def test_garbage_is_no_error_of_the_server(browser: Browser, text: bytes) -> None:
    assert upload(browser, text).status_code in (200, 400)


@pytest.mark.parametrize("path", [IMPORT, PREVIEW])
def test_an_import_takes_the_token_of_the_form(browser: Browser, path: str) -> None:
    upload(browser, DIRTY)
    browser.handler.enforce_csrf_checks = True
    file = SimpleUploadedFile("catalogue.csv", DIRTY.encode())
    refused = browser.post(path, {"file": file, "preset": "own", "delimiter": ",", "encoding": "utf-8", "confirm": "y"})
    assert refused.status_code == 403
    assert not Book.objects.exists()
    assert kept() == 1


@pytest.mark.parametrize("path", [EXPORT, IMPORT, PREVIEW, DONE])
def test_only_staff_with_the_right_get_there(db: None, settings: Any, path: str) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    nobody, guest, clerk = Browser(), Browser(), Browser()
    guest.force_login(User.objects.create(sub="local:guest", username="Gwen"))
    clerk.force_login(User.objects.create(sub="local:clerk", username="Carl", is_staff=True))
    for browser in (nobody, guest):
        assert browser.get(path)["Location"].startswith("/admin/login/")
        assert browser.post(path)["Location"].startswith("/admin/login/")
    assert clerk.get(path).status_code == 403


GOODBOOKS = Path(__file__).parents[2].parent / "shared" / "data" / "goodbooks.csv"


@pytest.mark.skipif(not GOODBOOKS.exists(), reason="The catalogue of goodbooks-10k is not on this machine.")
def test_ten_thousand_books_fit_a_request(browser: Browser, db: None) -> None:
    page = upload(browser, GOODBOOKS.read_bytes(), preset="goodbooks")
    would = dict(page.context["account"]["counts"])
    page = browser.post(PREVIEW, {"confirm": "yes"}, follow=True)
    assert dict(page.context["account"]["counts"]) == would
    assert Book.objects.count() == would["created"] > 9900
