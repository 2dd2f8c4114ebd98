"""Dienstkennungen in a scenario: each one that is sent has to be in the register."""

from __future__ import annotations

from difflib import get_close_matches

from ..scenario.model import Scenario
from ..services.registry import registry
from ..yaml_files.yaml_source import Source


def check_services(scenario: Scenario, source: Source) -> None:
    """Check the scenario's own register, and that it or the shipped one has what is sent.

    Raises InputError with file and line.
    """
    sent = [
        (index, step.send.service)
        for index, step in enumerate(scenario.steps)
        if step.send is not None and step.send.mail == "custom" and step.send.service is not None
    ]
    if not sent and scenario.dienstkennungen is None:
        return  # the register is not even read
    known = registry(scenario.dienstkennungen)
    for index, service in sent:
        try:
            known.entry(service)
        except KeyError:
            names = [entry.dienstkennung for entry in known.entries]
            near = get_close_matches(service, names, n=1)
            hint = f"; gemeint ist vielleicht {near[0]}" if near else " (kimulator list)"
            where = ("steps", index, "send", "service")
            raise source.error(where, f"{service} steht nicht im Register{hint}") from None
