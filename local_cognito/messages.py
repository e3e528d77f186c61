"""Outbox: messages are stored here instead of being sent."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from local_cognito.clock import Clock

Kind = Literal["sign_up", "resend", "forgot_password", "verify_email", "invitation"]


@dataclass(frozen=True)
class Message:
    """One mail: to whom, what for, the code in it (an invitation's is the temporary password), when (ISO 8601)."""

    to: str
    kind: Kind
    code: str
    at: str


class Outbox:
    """The last thousand messages, oldest first. ``on_send`` is told of each one as it leaves."""

    def __init__(self, clock: Clock, on_send: Callable[[Message], None] | None = None) -> None:
        self._clock = clock
        self._on_send = on_send
        self._messages: deque[Message] = deque(maxlen=1000)

    def send(self, to: str, kind: Kind, code: str) -> None:
        """Keep a message, and tell whoever listens."""
        at = self._clock.today().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = Message(to, kind, code, at)
        self._messages.append(message)
        if self._on_send:
            self._on_send(message)

    def all(self) -> list[dict[str, str]]:
        """Every message kept, oldest first, as plain dictionaries."""
        return [asdict(message) for message in list(self._messages)]

    def clear(self) -> None:
        """Forget them all."""
        self._messages.clear()
