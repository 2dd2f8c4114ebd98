"""What a client module announces as X-KIM-PTVersion follows from its release."""

from __future__ import annotations

from pathlib import Path

import pytest

from clientmodule.settings import ClientModuleSettings

KONNEKTOR = {
    "service_directory": "http://127.0.0.1:1/connector.sds",
    "ldap": "ldap://127.0.0.1:1",
    "authentication": "none",
}


@pytest.mark.requirement("A_21388-01")
@pytest.mark.parametrize(
    ("given", "announced"),
    [
        ({}, "1.5.2-9"),
        ({"release": "1.5.2-8"}, "1.5.2-8"),
        ({"release": "1.5.2-8", "pt_version": "1.5.0-3"}, "1.5.0-3"),
    ],
)
def test_it_is_the_release_unless_it_is_given(
    tmp_path: Path, given: dict[str, str], announced: str
) -> None:
    settings = ClientModuleSettings.model_validate(
        {
            "name": "clientmodule-praxis",
            "seed": 1,
            "data_dir": tmp_path,
            "client_tls": False,
            "ca": tmp_path / "ca.pem",
            "konnektors": {"default": KONNEKTOR},
            **given,
        }
    )
    assert settings.pt_version == announced
