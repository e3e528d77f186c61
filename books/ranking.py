"""Ranking of books by relevance to the words searched for: those with the nearest titles first, then the newest.

A common word occurs in a tenth of a million books, so only candidates are ranked: the newest MAX_CANDIDATES matches,
and the newest MAX_TITLED matches with exactly this title, which many newer books would otherwise hide.
"""

from typing import Any, cast

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from books.search import sort_key

MAX_CANDIDATES, MAX_TITLED = 1000, 100
TIER = "tier"
"""Name of a column: 3 where the title is the words, 2 where it begins with them, 1 where it has them, else 0."""


def ranked(queryset: "QuerySet[Any]", text: str) -> "QuerySet[Any]":
    """The candidates among a queryset of books, annotated with TIER. `books.fast.ranking` reads the same rows."""
    words = sort_key(text)
    newest = queryset.order_by("-created_at", "-id")[:MAX_CANDIDATES]
    titled = queryset.filter(title_key=words).order_by("-id")[:MAX_TITLED]
    tier = Case(
        When(title_key=words, then=3),
        When(title_key__startswith=f"{words} ", then=2),
        When(Q(title_key__contains=f" {words} ") | Q(title_key__endswith=f" {words}"), then=1),
        default=Value(0),
        output_field=IntegerField(),
    )
    books = queryset.model._default_manager.using(queryset.db)
    candidates = books.filter(Q(pk__in=newest.values("pk")) | Q(pk__in=titled.values("pk")))
    return cast("QuerySet[Any]", candidates.annotate(**{TIER: tier}))
