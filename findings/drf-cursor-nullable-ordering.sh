#!/usr/bin/env bash
# DRF's CursorPagination drops the rows whose ordering column is NULL, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django==5.2.19' 'djangorestframework==3.18.3'
"$folder/venv/bin/python" - <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    ALLOWED_HOSTS=["testserver"],
)
django.setup()

import rest_framework
from django.db import connection, models
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory


class Book(models.Model):
    rating = models.IntegerField(null=True)

    class Meta:
        app_label = "shop"


with connection.schema_editor() as editor:
    editor.create_model(Book)
for rating in (5, 4, None, None, None, 3):
    Book.objects.create(rating=rating)


def walked(*ordering):
    """The keys of all pages, following `next` to the end."""
    url, keys = "/books/", []
    while url:
        pages = CursorPagination()
        pages.page_size, pages.ordering = 2, ordering
        page = pages.paginate_queryset(Book.objects.all(), Request(APIRequestFactory().get(url)))
        keys += [book.pk for book in page]
        url = pages.get_next_link()
    return keys


found = {"-id": walked("-id"), "-rating, -id": walked("-rating", "-id")}
print("Django REST framework", rest_framework.VERSION, "six books, walked to the last page by", found)
assert found == {"-id": [6, 5, 4, 3, 2, 1], "-rating, -id": [1, 2, 6]}
PYTHON
