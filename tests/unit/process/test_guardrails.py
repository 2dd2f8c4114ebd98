from __future__ import annotations

import pytest

from simulators.process.errors import InputError
from simulators.process.guardrails import (
    refuse_public_address,
    refuse_real_domain,
    refuse_real_trust_anchor,
)


@pytest.mark.parametrize(
    "domain",
    [
        "kv.dox.kim.telematik",
        "KV.DOX.KIM.TELEMATIK",
        "a@b.kim.telematik",
        "kim.telematik",
        "x.kim.telematik.",
    ],
)
def test_domains_of_the_real_ti_are_refused(domain: str) -> None:
    with pytest.raises(InputError, match="telematik-test"):
        refuse_real_domain(domain)


@pytest.mark.parametrize("domain", ["kv.dox.kim.telematik-test", "kim.telematik.example", "x.de"])
def test_other_domains_pass(domain: str) -> None:
    assert refuse_real_domain(domain) == domain


def test_trust_anchors_of_the_real_ti_are_refused() -> None:
    with pytest.raises(InputError, match="TEST-ONLY"):
        refuse_real_trust_anchor("CN=GEM.RCA6,OU=Zentrale Root-CA der Telematikinfrastruktur")
    assert refuse_real_trust_anchor("CN=GEM.RCA6 TEST-ONLY,O=gematik GmbH NOT-VALID")


def test_only_loopback_addresses_pass_by_themselves() -> None:
    assert refuse_public_address("127.0.0.1", allowed=False)
    assert refuse_public_address("::1", allowed=False)
    with pytest.raises(InputError, match="loopback"):
        refuse_public_address("10.0.0.1", allowed=False)
