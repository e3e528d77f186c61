"""Somebody in front of a browser: what they do there, what they see, and what the browser complains about."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

PASSWORD = "Passw0rd!"

# In milliseconds. Nothing here is about speed: CI's machine may be busy with something else.
DEADLINE = 60_000

expect.set_options(timeout=DEADLINE)


class Person:
    """One person, one browser context, one window at a time."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self._forgiven: list[str] = []
        context.set_default_timeout(DEADLINE)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._complain(f"exception: {error.error}"))
        context.on("request", self._watch)
        self.page: Page = context.new_page()

    # What they do

    def opens(self, address: str) -> "Person":
        """Goes to a path of the service, or to any address."""
        self.page.goto(address)
        return self

    def fills(self, label: str, value: str) -> "Person":
        """Types into the field with that label."""
        self.field(label).fill(value)
        return self

    def chooses(self, label: str, option: str) -> "Person":
        """Picks one of a list."""
        self.field(label).select_option(label=option)
        return self

    def presses(self, name: str) -> "Person":
        """Presses the button with that name."""
        self.page.get_by_role("button", name=name, exact=True).first.click()
        return self

    def follows(self, name: str) -> "Person":
        """Follows the link with that name."""
        self.page.get_by_role("link", name=name, exact=True).first.click()
        return self

    def signs_in(self, email: str = "admin@example.com", password: str = PASSWORD) -> "Person":
        """Signs in with e-mail and password."""
        self.opens("/accounts/sign-in/")
        self.fills("E-mail address", email).fills("Password", password).presses("Sign in")
        return self

    def goes_back(self) -> "Person":
        """Presses the browser's back button."""
        self.page.go_back()
        return self

    def field(self, label: str) -> Locator:
        """The field with that label, whether or not a colon ends it."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}:?$"))

    def code_mailed_to(self, email: str, cognito_url: str) -> str:
        """The last code that the stand-in would have mailed to that address."""
        mails = self.context.request.get(f"{cognito_url}/_local/messages").json()
        codes: list[str] = [mail["code"] for mail in mails if mail["to"] == email]
        return codes[-1]

    # What they see

    def sees(self, text: str) -> "Person":
        """That text is on the page, sooner or later."""
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()
        return self

    def sees_no(self, text: str) -> "Person":
        """That text is nowhere on the page."""
        expect(self.page.get_by_text(text)).to_have_count(0)
        return self

    def finds_no_button(self, name: str) -> "Person":
        """There is no button with that name."""
        expect(self.page.get_by_role("button", name=name, exact=True)).to_have_count(0)
        return self

    def reads(self, heading: str) -> "Person":
        """The page has this heading."""
        expect(self.page.get_by_role("heading", name=heading).first).to_be_visible()
        return self

    def is_at(self, path: str) -> "Person":
        """The address has this path."""
        expect(self.page).to_have_url(re.compile(rf"^http://127\.0\.0\.1:\d+{re.escape(path)}(\?.*)?$"))
        return self

    # What goes wrong

    def forgives(self, words: str) -> "Person":
        """A complaint with these words is part of the story, such as the status of a page that is not there."""
        self._forgiven.append(words)
        return self

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """What the browser says in here is not the page's doing, but that of a tool which measures it."""
        before = len(self.complaints)
        yield
        del self.complaints[before:]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complain(f"{message.type} on {message.page and message.page.url}: {message.text}")

    def _watch(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "about") and address.hostname != "127.0.0.1":
            self._complain(f"request to {request.url}")

    def _complain(self, words: str) -> None:
        if not any(forgiven in words for forgiven in self._forgiven):
            self.complaints.append(words)
