"""The production server, to whom a day is short: for rows about keys, which would take one."""

from accounts.tokens import keys
from config import serve

FRESH_SECONDS, USABLE_SECONDS, COOL_DOWN_SECONDS = 1.0, 10.0, 1.0
"""Instead of 4 hours, 24 hours, and 10 or 5 seconds."""

if __name__ == "__main__":
    # Before the workers are made: they are copies of this process.
    keys.FRESH_SECONDS = FRESH_SECONDS
    keys.USABLE_SECONDS = USABLE_SECONDS
    keys.COOL_DOWN_SECONDS = keys.COOL_DOWN_WITHOUT_KEYS_SECONDS = COOL_DOWN_SECONDS
    serve.main()
