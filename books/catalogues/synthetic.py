"""Synthetic books for benchmarks, with the value distributions of real ones (Zipf): few values are common, most rare.

Book number n of a seed is always the same. Three words have a known frequency in titles: `river` is in one of ten
(numbers that end in 3), `zeugma` in one of 100,000 (numbers 1, 100,001 and so on), `xylotomy` in none.
"""

from datetime import datetime
from decimal import Decimal
from itertools import accumulate, product
from random import Random
from typing import Any

from stdnum import ean

COMMON_WORD, RARE_WORD, ABSENT_WORD = "river", "zeugma", "xylotomy"
COMMON_EVERY, RARE_EVERY = 10, 100_000

# No country has group 979-9, so no real book has such an ISBN.
ISBN_PREFIX = "9799"
MAX_NUMBER = 99_999_999


def _listed(words: str) -> list[str]:
    return words.split()


_SYLLABLES = _listed("ba cor den el fa gri hol im jun ka lor mi nar os pel qui ras sto tan ul ver wen yor zan")
_GIVEN = _listed(
    "Ada Amir Ana Boris Carla Chen Dora Edith Emil Farah Felix Greta Hana Hugo Ines Ivan Jane Joao Kemal Lena "
    "Louis Mara Milan Nadia Nils Olga Omar Paula Pavel Quentin Rosa Ruth Samir Sofia Tomas Uma Vera Walter Yuki Zoe"
)
_NOUNS = _listed(
    "time world life house night day love city light war stone winter road king dream song garden sea fire island "
    "letter moon forest glass shadow mirror silence bridge harbour storm paper secret daughter brother stranger promise"
)
_THEMES = _listed(
    "Fiction History Poetry Science Biography Travel Philosophy Art Music Nature Law Cookery Religion Medicine "
    "Children Drama Economics Languages Mathematics Sport"
)
_INVENTED = ["".join(three) for three in product(_SYLLABLES, repeat=3)]

_WORDS = [word.capitalize() for word in (*_NOUNS, *_INVENTED)]
_PUBLISHERS = [f"{word} Press" for word in _WORDS[:300]]
_SUBJECTS = [*_THEMES, *(f"{theme} -- {word}" for theme, word in product(_THEMES, _WORDS[:40]))]
_LANGUAGES = (
    ["en"] * 70 + ["de"] * 7 + ["fr"] * 6 + ["es"] * 5 + [""] * 4 + ["it", "pt-BR"] * 2 + ["nl", "ja", "zh", "la"]
)
_TITLES = ("The {} of {}", "{} and {}", "A {} for the {}", "The {} {} of {}", "{} in {}: {}", "On the {}", "{}")
_SUBTITLES = ("A Novel", "Stories", "A History of the {}", "The {} Trilogy, #1", "Essays on {} and {}")
# A prime number of surnames and forty given names: each number below their product gives a different pair.
_SURNAMES = [word.capitalize() for word in _INVENTED[:4999]]
_AUTHORS = len(_GIVEN) * len(_SURNAMES)


def _zipf(count: int) -> list[float]:
    """Cumulative weights: the n-th of `count` items is n times rarer than the first."""
    return list(accumulate(1 / place for place in range(1, count + 1)))


_WORD_WEIGHTS, _SUBJECT_WEIGHTS, _PUBLISHER_WEIGHTS = map(_zipf, map(len, (_WORDS, _SUBJECTS, _PUBLISHERS)))


def isbn_of(number: int) -> str:
    """The ISBN-13 of book `number`, from 1 to MAX_NUMBER."""
    body = f"{ISBN_PREFIX}{number:08}"
    return f"{body}{ean.calc_check_digit(body)}"


def number_of(isbn: str) -> int:
    """The number of the synthetic book with this ISBN-13."""
    return int(isbn[len(ISBN_PREFIX) : -1])


def synthetic_book(number: int, seed: int, created_at: datetime) -> dict[str, Any]:
    """The values of book `number` of `seed` by column."""
    # Reproducible, and no secret.
    chance = Random((seed << 40) + number)  # noqa: S311
    words = chance.choices(_WORDS, cum_weights=_WORD_WEIGHTS, k=14)
    title = chance.choice(_TITLES).format(*words)
    if number % COMMON_EVERY == 3:
        title = f"{title} by the {COMMON_WORD.capitalize()}"
    if number % RARE_EVERY == 1:
        title = f"{title}, with a {RARE_WORD.capitalize()}"
    return {
        "isbn": isbn_of(number),
        "title": title,
        "subtitle": chance.choice(_SUBTITLES).format(*words[3:]) if chance.random() < 0.3 else "",
        "author_names": _authors(chance),
        "publisher": chance.choices(_PUBLISHERS, cum_weights=_PUBLISHER_WEIGHTS)[0],
        "published_year": _year(chance),
        "language": chance.choice(_LANGUAGES),
        "page_count": int(chance.lognormvariate(5.6, 0.5)) + 16 if chance.random() < 0.9 else None,
        "rating": _rating(chance),
        "subjects": list(dict.fromkeys(chance.choices(_SUBJECTS, cum_weights=_SUBJECT_WEIGHTS, k=chance.randrange(5)))),
        "description": f"{' '.join(words[5:]).capitalize()}." if chance.random() < 0.5 else "",
        "created_at": created_at,
    }


def _authors(chance: Random) -> list[str]:
    how_many = 1 if chance.random() < 0.8 else chance.randrange(2, 5)
    # The third power makes a few authors write many books.
    picks = [int(_AUTHORS * chance.random() ** 3) for _ in range(how_many)]
    return list(dict.fromkeys(f"{_GIVEN[n % len(_GIVEN)]} {_SURNAMES[n % len(_SURNAMES)]}" for n in picks))


def _year(chance: Random) -> int | None:
    kind = chance.random()
    if kind < 0.05:
        return None
    if kind < 0.06:
        return -chance.randrange(1, 900)
    return max(1450, 2025 - int(chance.expovariate(1 / 35)))


def _rating(chance: Random) -> Decimal | None:
    if chance.random() < 0.2:
        return None
    hundredths: Any = min(500, max(0, round(chance.gauss(380, 45))))
    return Decimal(hundredths).scaleb(-2)
