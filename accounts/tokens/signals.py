"""Django signals about tokens, calls to Cognito and rate limits, for metrics and monitoring.

    from django.dispatch import receiver
    from accounts.tokens.signals import cognito_called

    @receiver(cognito_called)
    def warn(operation: str, outcome: str, seconds: float, **_: object) -> None:
        ...

Each value except `seconds` is one of a small set, so that it can label a metric. No signal has personal data: no
subject, address, token or path. A signal is sent in the thread of the request, after the event, so a receiver should be
fast. Django logs what a receiver raises; the response stays the same.
"""

from django.dispatch import Signal

token_judged = Signal()
"""A bearer token was verified. `verdict` is `ok`; the code of the refusal, such as `token_expired` (a subclass of
TokenError); or `keys_unavailable`, when it could not be verified. It is `ok` for an expired token that was renewed in
the same request, and `token_expired` for one that counts as no token, on the paths of anonymous callers."""

keys_fetched = Signal()
"""The pool's key set was fetched. `outcome` is `ok` or `failed`."""

cognito_called = Signal()
"""A call to Cognito ended. `operation` is boto3's name for it, such as `initiate_auth`; `seconds` is its duration.
`outcome` is `ok`; `refused` (expected refusals: a wrong password or code, an unknown user); `limited` (Cognito's own
throttling); `unavailable` (a timeout, the network, a fault of Cognito); or `misconfigured` (app client or pool)."""

throttled = Signal()
"""A rate limit refused an attempt. `rate` is its name, such as `sign_in_account` (accounts.flows.rates)."""

clock_compared = Signal()
"""Cognito's clock was compared with this machine's. `seconds` is the estimated difference, positive when Cognito's is
ahead."""
