"""The client module as POP3 client of the provider."""

from __future__ import annotations

import base64

from .lines import ConnectionLost, LineStream, LineTooLong
from .provider import LoginRefused, ProviderUnreachable


class Pop3Server:
    """A logged-in connection to the provider's POP3 server.

    Its methods raise ConnectionLost or TimeoutError (POP3_TIMEOUT_SERVER).
    """

    def __init__(self, stream: LineStream) -> None:
        self.stream = stream

    async def log_in(self, user: str, password: str) -> bytes:
        """Log in by USER/PASS, else SASL PLAIN; return the server's +OK (KOM-LE-A_2034, 2035).

        Raises ProviderUnreachable if it does not speak POP3, LoginRefused.
        """
        if not is_ok(await self._status()):
            raise ProviderUnreachable("no POP3 greeting")
        if is_ok(await self.command(b"USER " + user.encode())):
            answer = await self.command(b"PASS " + password.encode())
        else:
            secret = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode())
            answer = await self.command(b"AUTH PLAIN " + secret)
        if not is_ok(answer):
            raise LoginRefused(answer)
        return answer

    async def command(self, line: bytes) -> bytes:
        """Send one line; return the status line of the answer without its end."""
        await self.stream.write(line + b"\r\n")
        return await self._status()

    async def _status(self) -> bytes:
        try:
            return await self.stream.line()
        except LineTooLong:
            raise ConnectionLost from None


def is_ok(status: bytes) -> bool:
    """Tell whether a status line is positive."""
    return status[:3].upper() == b"+OK"
