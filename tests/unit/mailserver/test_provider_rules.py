"""Profiles, addresses and passwords of providers, without a process."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from scenarios.engine.world import model
from simulators.formats.kv_addresses import bsnr
from simulators.mailserver.address_rules import broken_rule, is_local_part, proposal
from simulators.mailserver.profile import Profile, profile_names, shipped_profile
from simulators.pki.certificate import (
    AdmissionOf,
    Authority,
    Content,
    authority_certificate,
    end_entity,
    new_key,
)
from simulators.pki.profiles import HCI_AUT, KeyKind

KV = "kv.dox.kim.telematik-test"
KVDOX = shipped_profile("kv.dox")
EXAMPLE = shipped_profile("gematik")


@pytest.fixture(scope="module")
def certificate() -> Callable[..., x509.Certificate]:
    """Return a function that makes an AUT certificate with the given parts of a subject."""
    from datetime import UTC, datetime

    validity = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    key = new_key(KeyKind.P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST-ONLY")])
    issuer = Authority(authority_certificate(name, key, validity, None), key)

    def make(**parts: str) -> x509.Certificate:
        oids = {"o": NameOID.ORGANIZATION_NAME, "sn": NameOID.SURNAME, "gn": NameOID.GIVEN_NAME}
        subject = x509.Name([x509.NameAttribute(oids[k], v) for k, v in parts.items()])
        admission = AdmissionOf("1.2.276.0.76.4.50", telematik_id="1-2")
        content = Content(HCI_AUT, subject, *validity, admission)
        return end_entity(content, key.public_key(), issuer)

    return make


def test_shipped_profiles_are_those_that_a_world_may_name() -> None:
    assert set(profile_names()) == set(get_args(model.ProviderProfile))


def test_example_is_that_of_the_official_openapi(spec: Callable[[str], Path]) -> None:
    api = yaml.safe_load(spec("api-kim/openapi/ServiceInformation.yaml").read_text("utf-8"))
    example = api["components"]["schemas"]["ServiceInformation"]["example"]
    assert EXAMPLE.password_regex == example["passwordPolicyRegEx"]
    assert EXAMPLE.jwt_expiration == example["jwtExpiration"]
    assert EXAMPLE.reference_id_required is example["referenceIdRequired"]
    assert EXAMPLE.initial_password_required is example["initialPasswordRequired"]
    assert EXAMPLE.kim_service_version == example["kimServiceVersion"]


def test_profile_by_name_with_what_differs() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Profile)
    assert adapter.validate_python("kv.dox") == KVDOX
    changed = adapter.validate_python({"profile": "kv.dox", "addresses_per_identity": 2})
    assert changed.addresses_per_identity == 2
    assert changed.areas == KVDOX.areas
    assert KVDOX.addresses_per_identity == 100
    for wrong in ("tim", {"profile": "tim"}, {"profile": "kv.dox", "passwort": 1}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
    with pytest.raises(ValidationError, match="regular expression"):
        adapter.validate_python({"profile": "kv.dox", "password_regex": "("})


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("Aa1!aaaa", True),
        ("Aa1!aaa", False),
        ("aa1!aaaa", False),
        ("AA1!AAAA", False),
        ("Aaa!aaaa", False),
        ("Aa1aaaaa", False),
        ("Ää1!ääaaA", True),
        ("Aa1 aaaa", False),
        ("Aa1!aaaa\n", False),
        ("Aa1!" + "a" * 252, True),
        ("Aa1!" + "a" * 253, False),
    ],
)
def test_password_rule_of_kvdox(password: str, *, accepted: bool) -> None:
    assert KVDOX.accepts_password(password) is accepted


@given(st.text(max_size=40))
def test_no_password_breaks_the_rules_of_the_example(password: str) -> None:
    expected = (
        len(password) >= 12
        and re.search("[0-9]", password) is not None
        and re.search("[a-z]", password) is not None
        and re.search("[A-Z]", password) is not None
        and re.search(r"[*.!@#$%^&(){}\[\]:;'<>,?/~_+\-=|\\]", password) is not None
        and password.isprintable()
    )
    assert EXAMPLE.accepts_password(password) is expected


def test_bsnr_is_the_number_in_o(certificate: Callable[..., x509.Certificate]) -> None:
    assert bsnr(certificate(o="721234500 NOT-VALID")) == "721234500"
    assert bsnr(certificate(o="Praxis 12345678")) is None
    assert bsnr(certificate(o="1234567890")) is None
    assert bsnr(certificate(sn="X")) is None


def test_proposals(certificate: Callable[..., x509.Certificate]) -> None:
    practice = proposal(KVDOX, KV, certificate(o="380000100 NOT-VALID"), None)
    assert practice is not None
    assert practice.address == f"B-380000100.kvno@{KV}"
    doctor = proposal(KVDOX, KV, certificate(gn="Zoë Çelik", sn="von Groß"), "711111100")
    assert doctor is not None
    assert doctor.address == f"Zoe-Celik.von-Gross.kvb@{KV}"
    assert proposal(KVDOX, KV, certificate(gn="A", sn="B"), None) is None
    assert proposal(KVDOX, KV, certificate(o="000000000"), None) is None
    assert proposal(EXAMPLE, KV, certificate(o="380000100"), None) is None


@given(
    gn=st.text("aäß ZÇ-.'", min_size=1, max_size=60), sn=st.text("öÖmM ", min_size=1, max_size=60)
)
def test_what_is_proposed_to_a_doctor_may_be_registered(
    certificate: Callable[..., x509.Certificate], gn: str, sn: str
) -> None:
    found = proposal(KVDOX, KV, certificate(gn=gn, sn=sn), "721111100")
    assert found is not None
    local = found.address.rpartition("@")[0]
    named = any(c.isalnum() for c in gn) and any(c.isalnum() for c in sn)
    assert (broken_rule(KVDOX, local, "721111100") is None) or not named


@given(st.text(max_size=80))
def test_local_parts_hold_the_characters_of_the_faq_alone(text: str) -> None:
    fits = re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text) is not None and text.isascii()
    dotted = text.startswith(".") or text.endswith(".") or ".." in text
    assert is_local_part(text) is (fits and not dotted)


def test_area_is_the_fixed_end_of_an_address() -> None:
    assert broken_rule(KVDOX, "labor.kvwl", "201111100") is None
    assert broken_rule(KVDOX, "labor.kvno", "201111100") is not None
    assert broken_rule(KVDOX, "kvwl", "201111100") is not None
    assert broken_rule(KVDOX, "labor.kvwl", None) is not None
    assert broken_rule(EXAMPLE, "labor", None) is None
