"""``python -m clientmodule.administration``: the assistant, and each step as a command.

A command asks nothing that it was told, so that scripts of a data centre can do without the
assistant's dialogue (A_20188).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TextIO

import aiohttp

from simulators.process.errors import InputError
from simulators.process.exit_status import EXIT_INPUT, EXIT_OK
from simulators.process.role import Process
from simulators.process.settings import read_settings

from ..installation import Installation
from ..service import ROLE
from ..settings import ClientModuleSettings
from .administration import Administration
from .arguments import parser
from .assistant import Assistant, Given
from .dialogue import Dialogue, printable
from .faults import AdministrationFault
from .secret_files import read_secret
from .steps import STEPS, Step

CLOCK_SECONDS = 1.0
ASSISTANT = "assistant"


def main(
    argv: Sequence[str] | None = None,
    answers: TextIO | None = None,
    screen: TextIO | None = None,
) -> int:
    """Run the command line and return the exit status: 0 well, 2 not (one line says why)."""
    logging.basicConfig(level=logging.CRITICAL)
    screen = screen or sys.stdout
    try:
        given = parser(tuple(STEPS)).parse_args(argv)
        settings = read_settings(ClientModuleSettings, given.settings)
        dialogue = Dialogue(
            answers or sys.stdin, screen, interactive=not given.batch, yes=given.yes
        )
        asyncio.run(_run(settings, given, dialogue))
    except AdministrationFault as fault:
        print(printable(fault.line), file=sys.stderr)  # noqa: T201 (the command line speaks here)
        return EXIT_INPUT
    except (InputError, KeyboardInterrupt) as error:
        print(str(error) or "\nabgebrochen", file=sys.stderr)  # noqa: T201
        return EXIT_INPUT
    return EXIT_OK


async def _run(
    settings: ClientModuleSettings, given: argparse.Namespace, dialogue: Dialogue
) -> None:
    """Do what is asked with an installation of its own; a running client module sees the keys."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process: Process[ClientModuleSettings] = Process(ROLE, settings)
    await _follow_clock(process)
    installation = Installation(process)
    try:
        await installation.open()
        assistant = Assistant(
            Administration(installation), dialogue, _given(given), list(installation.konnektors)
        )
        await _work(given, assistant)()
    finally:
        await installation.close()
        process.close()


def _work(given: argparse.Namespace, assistant: Assistant) -> Callable[[], Awaitable[None]]:
    if given.step == ASSISTANT:
        return assistant.run
    return lambda: STEPS[given.step](Step(assistant, given))


def _given(given: argparse.Namespace) -> Given:
    registered = True if given.registered else None
    return Given(
        mandant=given.mandant,
        clientsystem=given.clientsystem,
        workplace=given.workplace,
        user=given.user,
        konnektor=given.konnektor,
        iccsn=given.iccsn,
        domain=given.domain,
        address=given.address,
        reference_id=given.reference_id,
        initial_password=read_secret(given.initial_password_file),
        password=read_secret(given.password_file),
        registered=registered,
    )


async def _follow_clock(process: Process[ClientModuleSettings]) -> None:
    """Take over the virtual time of the running client module, if there is one.

    A world's provider takes JWTs of its own time only.
    """
    listener = process.settings.listeners.control
    if not listener.port:
        return
    timeout = aiohttp.ClientTimeout(total=CLOCK_SECONDS)
    host = "127.0.0.1" if process.settings.allow_all_addresses else listener.host
    with suppress(aiohttp.ClientError, OSError, ValueError, KeyError, TypeError, OverflowError):
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{host}:{listener.port}/clock") as response,
        ):
            offset = (await response.json())["offset_seconds"]
        if abs(offset) > 1:
            process.clock.set(process.clock.now() + timedelta(seconds=offset))
