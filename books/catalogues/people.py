"""Parser of names in library catalogues: `Surname, Given (Fuller), Rank, 1832-1898 [Role]`."""

import re
from collections.abc import Sequence

# No bracket inside a bracket, so that a long row of opening ones takes linear time.
_ROLE = re.compile(r"\s*\[[^\[\]]*\]")
MAX_ENTRY = 1000  # characters; a longer entry holds no name that fits
_IN_PARENTHESES = re.compile(r"\s*\([^()]*\)")
# 1832-1898, 1862-, -1898, 428? BCE-348? BCE, active 4th century B.C., and a bare year.
_DATES = re.compile(
    r"(?:(?:active|approximately|born|died|ca\.|fl\.) .*|.*\bcentury\b.*|[-\d?]+(?: ?(?:BCE?|B\.C\.))?.*)"
)
_BEFORE_THE_NAME = {
    "Brother",
    "Don",
    "Dr.",
    "Lady",
    "Lord",
    "Madame",
    "Mme.",
    "Mrs.",
    "Queen",
    "Saint",
    "Sir",
    "Sister",
}
_AFTER_THE_NAME = {"Jr.", "Sr.", "II", "III", "IV"}
# `duc de`, `Earl of`: titles that the surname completes.
_OF_A_PLACE = (" d'", " de", " der", " of", " von")


def authors_of(people: Sequence[str]) -> list[str]:
    """The authors among people named as in a library catalogue, with names as on a title page.

    People with a role, such as [Translator] or [Editor], are no authors, unless everybody has one.
    """
    writers = [person for person in people if not _ROLE.search(person)] or people
    return [name for person in writers if (name := natural_name(person))]


def natural_name(entry: str) -> str:
    """`Kennedy, John F. (John Fitzgerald), 1917-1963` as `John F. Kennedy`. A name without commas is not changed."""
    if len(entry) > MAX_ENTRY:
        return entry
    parts = [part for part in _ROLE.sub("", entry).split(", ") if part]
    while len(parts) > 1 and _DATES.fullmatch(parts[-1]):
        parts.pop()
    if len(parts) < 2:
        return "".join(parts)
    surname, given, *titles = parts
    given = _IN_PARENTHESES.sub("", given)
    # The entry of a peer begins with the name of the title: `Lytton, Edward Bulwer Lytton, Baron`.
    name = given if given.endswith(surname) else f"{given} {surname}"
    for title in titles:
        if title in _BEFORE_THE_NAME:
            name = f"{title} {name}"
        elif title in _AFTER_THE_NAME:
            name = f"{name} {title}"
        elif f" {title}".endswith(_OF_A_PLACE):
            joint = "" if title.endswith("'") else " "
            name = f"{given}, {title}{joint}{surname}"
    return name.strip()
