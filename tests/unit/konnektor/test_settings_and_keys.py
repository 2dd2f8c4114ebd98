"""Settings with contradictions, the choice between RSA and ECC, job numbers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from simulators.konnektor.cards.keys import CardKeys
from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.settings import KonnektorSettings
from simulators.konnektor.signatures.jobs import REMEMBERED, Jobs, check_form
from simulators.makes.make import Make
from simulators.process.clock import Clock
from simulators.process.randomness import Randomness

PLAIN = {"name": "k", "data_dir": ".", "trust": "t", "authentication": "none"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"authentication": "tls"}, "tls: needed"),
        (
            {"authentication": "certificate", "tls": {"certificate": "c", "key": "k"}},
            "client_ca: needed",
        ),
        (
            {"information_model": {"mandanten": [{"id": "m", "workplaces": ["w"]}]}},
            "'w' is not defined",
        ),
        (
            {"information_model": {"clientsystems": [{"id": "c"}, {"id": "c"}]}},
            "'c' is given twice",
        ),
        (
            {"information_model": {"workplaces": [{"id": "w", "remote_pin_terminal": "t"}]}},
            "'t' is not defined",
        ),
        (
            {
                "information_model": {
                    "terminals": [{"id": "t", "slots": 1, "cards": [{"slot": 2, "card": "c"}]}]
                }
            },
            "slots do not fit",
        ),
        ({"generation": "PTV7"}, "PTV5"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_contradictions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        KonnektorSettings.model_validate({**PLAIN, **changes})


class Inserted:
    """Stands for a card of which only the kinds of its keys matter."""

    handle = "h"

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def certificate_object(self, reference: str, crypt: str) -> str | None:
        return f"{reference} {crypt}" if crypt in self.kinds else None


def chosen(
    generation: Any, crypt: str | None, *kinds: str, reference: Any = "C.SIG", **make: Any
) -> str | int:
    """Return which key signs, or the code of the fault."""
    keys = CardKeys(generation, Make(**make), Clock())
    picked: list[str] = []

    def signer(card: Any, reference: str, kind: str, key: Any) -> Any:
        picked.append(kind)

    keys._signer = signer  # type: ignore[assignment]
    card: Any = Inserted(*kinds)
    certificate = type("Certificate", (), {"certificate": None})
    card.certificate_object = lambda _, kind: certificate if kind in kinds else None
    try:
        keys.for_signing(card, reference, crypt)
    except KonnektorFault as fault:
        return fault.trace.code
    return picked[0]


@pytest.mark.parametrize(
    ("generation", "crypt", "g20", "g21"),
    [
        ("PTV5", None, "RSA", "RSA"),
        ("PTV5", "RSA", "RSA", "RSA"),
        ("PTV5", "ECC", 4258, "ECC"),
        ("PTV5", "RSA_ECC", "RSA", "ECC"),
        ("PTV6", None, "RSA", "ECC"),
        ("PTV6", "RSA", "RSA", "ECC"),
        ("PTV6", "ECC", 4258, "ECC"),
        ("PTV6", "RSA_ECC", "RSA", "ECC"),
    ],
)
def test_crypt(generation: str, crypt: str | None, g20: str | int, g21: str | int) -> None:
    assert chosen(generation, crypt, "RSA") == g20
    assert chosen(generation, crypt, "RSA", "ECC") == g21


def test_a_make_that_refuses_rsa() -> None:
    assert chosen("PTV6", "RSA", "RSA", "ECC", forced_ecc="fault") == 4058
    assert chosen("PTV6", "RSA", "RSA", "ECC", forced_ecc="fault", rsa_refused=4111) == 4111
    assert chosen("PTV6", "RSA", "RSA", forced_ecc="fault") == "RSA"


def elsewhere(generation: Any, *kinds: str, ecdsa: bool = False, **make: Any) -> Any:
    """Return for what RSA_ECC encrypts and what authenticates, or the code of the first fault."""
    keys, card = CardKeys(generation, Make(**make), Clock()), Inserted(*kinds)
    try:
        both = keys.for_encrypting_both(card)  # type: ignore[arg-type]
        return both, keys.for_authenticating(card, ecdsa=ecdsa)[0]  # type: ignore[arg-type]
    except KonnektorFault as fault:
        return fault.trace.code


def test_encryption_and_authentication_of_a_make() -> None:
    both = ("RSA", "ECC")
    further: dict[str, Any] = {"encrypt_rsa_ecc": "ecc", "authenticate_rsa": "ecdsa"}
    assert elsewhere("PTV6", *both) == (both, "RSA")
    assert elsewhere("PTV6", *both, ecdsa=True) == (both, "ECC")
    assert elsewhere("PTV6", *both, **further) == (("ECC",), "ECC")
    assert elsewhere("PTV5", *both, **further) == (both, "RSA")
    assert elsewhere("PTV6", "RSA", **further) == (both, "RSA")
    assert elsewhere("PTV6", "RSA", ecdsa=True) == 4258
    assert elsewhere("PTV6", *both, encrypt_rsa_ecc="fault") == 4058
    assert elsewhere("PTV6", *both, authenticate_rsa="fault", rsa_refused=4111) == 4111


def code(jobs: Jobs, number: str) -> int:
    try:
        with jobs.run(check_form(number)):
            return 0
    except KonnektorFault as fault:
        return fault.trace.code


def test_a_number_is_free_again_after_a_thousand_others() -> None:
    jobs = Jobs(Randomness(1, "k"))
    assert code(jobs, "ABC-123") == 0
    assert code(jobs, "ABC-123") == 4252
    for _ in range(REMEMBERED - 1):
        assert code(jobs, jobs.new()) == 0
    assert code(jobs, "ABC-123") == 4252
    assert code(jobs, jobs.new()) == 0
    assert code(jobs, "ABC-123") == 0


def test_given_numbers_are_unique_and_reproducible() -> None:
    first, second = (Jobs(Randomness(3, "k")) for _ in range(2))
    numbers = [first.new() for _ in range(REMEMBERED)]
    assert len(set(numbers)) == REMEMBERED
    assert numbers == [second.new() for _ in range(REMEMBERED)]


@pytest.mark.parametrize("number", ["", "abc-123", "ABC123", "ABC-1234", "ÄBC-123", "ABC-12٣"])
def test_forms(number: str) -> None:
    assert code(Jobs(Randomness(1, "k")), number) == 4000
