"""Rate limits by name, with their defaults. The setting `ACCOUNTS_THROTTLES` overrides them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# `_address`: per client address. `_account`: per e-mail address, whether or not it has an account.
RateName = Literal["sign_in_address", "sign_in_account", "mail_address", "mail_account", "code_address", "code_account"]


@dataclass(frozen=True, slots=True)
class Rate:
    """Limit of `count` attempts in any interval of `seconds`."""

    count: int
    seconds: int


UNITS: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600, "day": 24 * 3600}

DEFAULT_RATES: Mapping[RateName, Rate] = {
    "sign_in_address": Rate(10, UNITS["min"]),
    "sign_in_account": Rate(5, UNITS["min"]),
    "mail_address": Rate(20, UNITS["h"]),
    "mail_account": Rate(5, UNITS["h"]),
    "code_address": Rate(60, UNITS["h"]),
    "code_account": Rate(10, UNITS["h"]),
}
