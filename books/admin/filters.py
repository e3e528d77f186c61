"""Filters of the list of books in the admin, each answered by an index."""

from abc import abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from books.admin.base import subject_of
from books.book_fields import FIRST_YEAR, LAST_YEAR

NO_YEAR = 32767  # value of the column year_up where the year is absent


class Choices(admin.SimpleListFilter):
    """Filter with named conditions."""

    @abstractmethod
    def conditions(self, request: HttpRequest) -> Mapping[str, tuple[str, Q]]:
        """Label and condition of each choice, by name."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The names and labels of the choices."""
        self._conditions = self.conditions(request)
        return [(name, label) for name, (label, _) in self._conditions.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """The rows that meet the chosen condition; all rows for an unknown name."""
        chosen = self._conditions.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class Published(Choices):
    """Filter by year of publication."""

    title = "year of publication"
    parameter_name = "published"
    periods: ClassVar = [
        ("before-1500", "before 1500", FIRST_YEAR, 1499),
        ("1500-1799", "1500 to 1799", 1500, 1799),
        ("1800-1899", "1800 to 1899", 1800, 1899),
        ("1900-1949", "1900 to 1949", 1900, 1949),
        ("1950-1999", "1950 to 1999", 1950, 1999),
        ("since-2000", "since 2000", 2000, LAST_YEAR),
        ("unknown", "not known", NO_YEAR, NO_YEAR),
    ]

    def conditions(self, request: HttpRequest) -> Mapping[str, tuple[str, Q]]:
        """One for each period."""
        return {name: (label, Q(year_up__range=(first, last))) for name, label, first, last in self.periods}


class Rated(Choices):
    """Filter by rating."""

    title = "rating"
    parameter_name = "rated"

    def conditions(self, request: HttpRequest) -> Mapping[str, tuple[str, Q]]:
        """One for each lower bound, and one for books without a rating."""
        bounds = {
            f"from-{least}": (f"{least} and better", Q(rating_down__gte=Decimal(least))) for least in ("4.5", "4", "3")
        }
        return bounds | {"none": ("not rated", Q(rating_down=-1))}


class Origin(Choices):
    """Filter by who added the book."""

    title = "origin"
    parameter_name = "origin"

    def conditions(self, request: HttpRequest) -> Mapping[str, tuple[str, Q]]:
        """The user, any account, or an import."""
        return {
            "me": ("added by me", Q(added_by=subject_of(request))),
            "somebody": ("added by somebody", Q(added_by__isnull=False)),
            "import": ("imported", Q(added_by__isnull=True)),
        }
