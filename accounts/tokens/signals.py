"""What happened, for whoever counts or watches? Signals of Django: with no listener they cost next to nothing.

    from django.dispatch import receiver
    from accounts.tokens.signals import cognito_called

    @receiver(cognito_called)
    def warn(operation: str, outcome: str, seconds: float, **_: object) -> None:
        ...

Each value is one of few, so that it may label a metric; no signal tells who it was: no subject, address, token or path.
They are sent in the thread of the request, after the fact: a listener should be quick. What it raises is logged by
Django and changes no answer.
"""

from django.dispatch import Signal

token_judged = Signal()
"""A bearer token was accepted or not. `verdict` is `ok`; the code of the refusal, such as `token_expired` (a
subclass of TokenError); or `keys_unavailable`, when it could not be checked. An expired token that was renewed
on the way is `ok`; one that is merely tolerated, where people sign in, is `token_expired`."""

keys_fetched = Signal()
"""The pool's key set was asked for. `outcome` is `ok` or `failed`."""

cognito_called = Signal()
"""Cognito was asked. `operation` is boto3's name for it, such as `initiate_auth`, and `seconds` how long it took.
`outcome` is `ok`; `refused` (a wrong password or code, somebody unknown: what people do); `limited` (Cognito's own
throttle); `unavailable` (a time-out, the network, a fault of Cognito); or `misconfigured` (app client or pool)."""

throttled = Signal()
"""An attempt was turned away. `rate` names the one that was over, such as `sign_in_account` (accounts.flows.rates)."""

clock_compared = Signal()
"""An answer of Cognito told the time. `seconds` is by how much Cognito's clock is ahead of this machine's (negative:
behind), as far as the latest answers tell."""
