"""``--input eau=FILE``: any KBV eAU is delivered, everything else is refused before sending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.control import Control

Run = Callable[..., int]
EXAMPLES = (
    "Bundle__Beispiel_1-eAU_ERST_GKV-PatientAdressHausNummerPlus",
    "Bundle__Beispiel_2-eAU_FOLGE_GKV",
    "Bundle__Beispiel_5-eAU_ERST_PKV",
    "Bundle__Beispiel_13-eAU_ERST_SKT_KVK",
    "Bundle__Beispiel_16-eAU_FOLGE_Weiterbildung",
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_kbv_is_delivered_and_accepted(
    run: Run, spec: Callable[[str], Path], example: str
) -> None:
    assert (
        run("eau/lieferung", "--input", f"eau={spec(f'eau/examples/KBV_PR_EAU_{example}.xml')}")
        == 0
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"%PDF-1.7", "kein wohlgeformtes XML"),
        (b"<Patient xmlns='http://hl7.org/fhir'/>", "erwartet wird ein FHIR-Bundle"),
        (
            b"<Bundle xmlns='http://hl7.org/fhir'><type value='batch'/></Bundle>",
            "kein Dokument",
        ),
    ],
)
def test_anything_else_ends_with_one_line_and_nothing_is_sent(
    run: Run,
    world: Endpoints,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    content: bytes,
    told: str,
) -> None:
    file = tmp_path / "eingabe.xml"
    file.write_bytes(content)
    module = world.sites["praxis"].clientmodule
    assert module is not None
    before = Control(module.control).journal()
    assert run("eau/lieferung", "--input", f"eau={file}") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert told in shown.err
    assert Control(module.control).journal() == before
