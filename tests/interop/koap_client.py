"""Run by the Python of koap's own environment: makes the calls and prints what became of them.

``python koap_client.py CONTROL-URL SERVICE…``; koap's settings come from the environment
(``konnektor_base_url`` and so on). Prints a JSON object: call to error, or to nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from koap.cetp import CETP  # type: ignore[import-not-found]
from koap.client import ConnectorClient  # type: ignore[import-not-found]
from koap.config import ConnectorConfig  # type: ignore[import-not-found]
from konnektor_calls import CALLS, EGK, EVENT, WHO, Client  # type: ignore[import-not-found]

EVENT_SECONDS = 20


def main() -> None:
    """Make the calls of the named services through koap, and have it receive an event."""
    koap = ConnectorClient(ConnectorConfig())
    client = Client(koap.create_service_client, sys.argv[1], knows_crypt=False)
    outcome: dict[str, str] = {}
    wanted = {service: calls for service, calls in CALLS.items() if service[0] in sys.argv[2:]}
    for service, calls in wanted.items():
        for operation, call in calls.items():
            client.ask("POST", "/reset")
            outcome["-".join((*service, operation))] = _error_of(call, client)
    client.ask("POST", "/reset")
    outcome["CETP"] = _error_of(lambda known: asyncio.run(_receive_event(known, koap)), client)
    json.dump(outcome, sys.stdout)


def _error_of(call: Any, client: Client) -> str:
    try:
        call(client)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def _receive_event(client: Client, koap: Any) -> None:
    """Have koap's own receiver hear that a card was pulled."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    receiver = CETP(koap.config, events.put_nowait)
    server = await asyncio.start_server(
        receiver._handle_client, "127.0.0.1", 0, ssl=receiver._ssl_context()
    )
    port = server.sockets[0].getsockname()[1]
    wanted = {"EventTo": f"cetp://127.0.0.1:{port}", "Topic": "CARD/REMOVED"}
    await asyncio.to_thread(client[EVENT].Subscribe, Context=WHO, Subscription=wanted)
    await asyncio.to_thread(client.ask, "POST", f"/cards/{EGK}/remove")
    event = await asyncio.wait_for(events.get(), EVENT_SECONDS)
    assert "CARD/REMOVED" in json.dumps(event)
    server.close()


main()
