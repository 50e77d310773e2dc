"""A real SMTP server whose inbox a test looks into."""
from __future__ import annotations

import asyncio
import email
import email.policy

import aiosmtpd.controller
import aiosmtpd.smtp


class Inbox:
    """Keeps what comes; answers RCPT, MAIL and the end of DATA as it is told."""

    def __init__(self, *, mail: str | None = None, rcpt: str | None = None, data: str | None = None):
        self.answers = {"mail": mail, "rcpt": rcpt, "data": data}
        self.envelopes: list[aiosmtpd.smtp.Envelope] = []
        self.sessions: list[aiosmtpd.smtp.Session] = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.answers["mail"]:
            return self.answers["mail"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answers["rcpt"]:
            return self.answers["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answers["data"]:
            return self.answers["data"]
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 OK"

    def message(self) -> email.message.EmailMessage:
        assert len(self.envelopes) == 1
        return email.message_from_bytes(self.envelopes[0].content, policy=email.policy.default)

    def text(self) -> str:
        return self.message().get_content().replace("\r", "")


class Gate(Inbox):
    """Puts off every mailbox of some domains, and remembers in which order recipients were named. While it is closed
    the first one that comes waits."""

    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, slow: str):
        super().__init__()
        self.slow = slow
        self.asked: list[str] = []
        self.open = asyncio.Event()

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.loop = asyncio.get_running_loop()
        self.asked.append(address)
        await self.open.wait()
        if address.endswith(self.slow):
            return "451 4.7.1 greylisted, come back later"
        return await super().handle_RCPT(server, session, envelope, address, options)

    def let_in(self) -> None:
        self.loop.call_soon_threadsafe(self.open.set)


class Controller(aiosmtpd.controller.Controller):
    """On a port that the system chooses."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
