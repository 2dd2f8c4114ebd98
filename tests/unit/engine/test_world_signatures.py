"""What a world says about signatures is what a Konnektor takes."""

from __future__ import annotations

from annotated_types import Ge, Le

from scenarios.engine.world.model import Signatures
from simulators.konnektor.signatures.settings import SignatureSettings


def test_the_world_knows_the_settings_and_bounds_of_the_konnektor() -> None:
    taken, known = SignatureSettings.model_fields, Signatures.model_fields
    assert known.keys() == taken.keys()
    for name, field in known.items():
        wanted = [limit for limit in taken[name].metadata if isinstance(limit, Ge | Le)]
        assert [limit for limit in field.metadata if isinstance(limit, Ge | Le)] == wanted
