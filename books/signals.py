"""Signals for books that were added, changed or deleted by the API, the admin or an import.

Each is sent once for each book, after the commit of its transaction, by `books.writing`; a failing receiver is logged
(`send_robust`) and stops nothing. Receivers run in the thread of the request or command, so they should be short.
Without receivers they cost nothing. `sender` is `books.models.Book`; the arguments are:

- `book_id`: the primary key (int);
- `by`: the subject of who did it (str); empty for a command;
- `actor`: the subject of who acted for them by a delegated token (RFC 8693), usually empty;
- `diff`: old and new value by the name of the field, `{"title": [None, "Emma"]}`, for the tracked fields
  (`books.book_fields.TRACKED_FIELDS`) that differ. An absent value is None or empty; all old values of an added book
  are None, as are all new values of a deleted one.

A change that leaves all tracked fields as they were sends nothing, and so does deleting the account that added a book.
"""

from django.dispatch import Signal

book_added = Signal()
book_changed = Signal()
book_deleted = Signal()
