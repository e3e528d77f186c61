"""The catalogue in Django's admin. What it saves keeps every promise that the API's writes keep.

`books` and `authors` are the pages of the models, on `forms`; `bulk` changes many books at once, `exporting` and
`importing` (over `books.uploads`) are the ways of CSV, `history` shows who changed what.
"""

from books.admin import authors, books, history

__all__ = ["authors", "books", "history"]
