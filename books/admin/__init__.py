"""The catalogue in Django's admin. It refuses what the API refuses, and writes by books.writing.

`books` and `authors` are the pages of the models, with `forms`; `bulk` changes many books at once, `exporting` and
`importing` (with `preview` and `books.uploads`) are for CSV, `history` shows changes, `concurrency` guards forms.
"""

from books.admin import authors, books, history

__all__ = ["authors", "books", "history"]
