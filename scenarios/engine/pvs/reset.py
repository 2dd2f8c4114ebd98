"""All processes of a world at once, put back to their start."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

from .control import TIMEOUT_SECONDS, ControlError


def reset_all(urls: Iterable[str]) -> None:
    """Reset the processes with the control *urls*: all are asked before the first has answered.

    Raises ControlError, which names the process, when one refuses or is gone.
    """
    with ExitStack() as stack:
        asked = [(url, stack.enter_context(closing(_ask(url)))) for url in urls]
        for url, connection in asked:
            try:
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                raise ControlError(f"{url}/reset: {error}") from None
            if status != http.client.NO_CONTENT:
                raise ControlError(f"POST {url}/reset: HTTP {status}")


def _ask(url: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/reset")
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise ControlError(f"{url}/reset: {error}") from None
    return connection
