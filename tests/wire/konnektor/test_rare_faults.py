"""Codes that need a rare cause, each by this cause; the others stand with their operation."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from fpdf import FPDF
from lxml import etree

from simulators.formats import xades
from simulators.formats.signed_data import key_signer
from simulators.pki.cards import read_card
from tests.konnektor_site import ENVELOPING, HBA, SMCB, Site, context, document, site_settings

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_clientsystem_that_is_not_the_mandants(site: Site) -> None:
    other = replace(site, client="other")  # cs2, which belongs to m1 alone
    assert other.call("EVT", "GetCards", context("m2", "cs2")).code == 4010


def test_a_terminal_that_no_workplace_of_the_clientsystem_reaches(site: Site) -> None:
    other = replace(site, client="other")  # cs2 may act from no workplace
    inner = context(clientsystem="cs2") + "<CARDCMN:CtId>t1</CARDCMN:CtId>"
    assert other.call("EVT", "GetResourceInformation", inner).code == 4020
    own = inner.replace("cs2", "cs1")
    assert site.call("EVT", "GetResourceInformation", own).code is None


def test_qes_with_a_transport_pin(site: Site) -> None:
    site.role.ask("PUT", f"/cards/{HBA}/pins/PIN.QES", {"state": "TRANSPORT_PIN"})
    shown = document(b"x", short_text="x")
    answer = site.sign(HBA, shown, ENVELOPING, context=context(user="eva"))
    assert answer.code == 4065


def test_attributes_where_none_are_taken(site: Site) -> None:
    attribute = base64.b64encode(bytes.fromhex("300f06092a864886f70d010906310204")).decode()
    properties = (
        "<dss:Properties><dss:UnsignedProperties><dss:Property><dss:Identifier>CMSAttribute"
        f"</dss:Identifier><dss:Value><CONN:Attribute>{attribute}</CONN:Attribute></dss:Value>"
        "</dss:Property></dss:UnsignedProperties></dss:Properties>"
    )
    cms = "<dss:SignatureType>urn:ietf:rfc:5652</dss:SignatureType>"
    answer = site.sign(SMCB, document(b"x"), cms + properties)
    assert (answer.status, answer.code) == (200, 4273)


def test_a_qes_that_is_no_xades(site: Site) -> None:
    """The signed properties are gone, of which the signature speaks."""
    found = read_card(site.pki.card(HBA)).objects["C.QES", "ECC"]
    root = etree.fromstring(b"<a>b</a>")
    signer = key_signer(found.certificate, found.private_key)
    signed = xades.enveloped(root, signer, xades.Properties("s1", NOW))
    root.append(etree.fromstring(signed))
    for part in list(root.iter("{http://uri.etsi.org/01903/v1.3.2#}QualifyingProperties")):
        holder = part.getparent()
        assert holder is not None
        holder.remove(part)
    encoded = base64.b64encode(etree.tostring(root)).decode()
    answer = site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}<SIG:Document><CONN:Base64XML>{encoded}</CONN:Base64XML></SIG:Document>"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4208)


def test_a_signature_too_large_for_the_pdf(
    start_role: Callable[..., Any], site: Site, tmp_path: Path
) -> None:
    """A card of one's own with a certificate so large that no room is left for it."""
    card = tmp_path / "card"
    shutil.copytree(site.pki.card(SMCB).parent, card)
    entry = next(
        one
        for one in json.loads((card / "card.json").read_text(encoding="utf-8"))["objects"]
        if (one["reference"], one["crypt"]) == ("C.SIG", "ECC")
    )
    key = read_card(site.pki.card(SMCB)).objects["C.SIG", "ECC"].private_key
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Praxis TEST-ONLY")])
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(20_000))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(padding, critical=False)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    (card / entry["certificate"]).write_bytes(certificate.public_bytes(Encoding.PEM))
    settings = site_settings(site.pki, ocsp_url=None)
    (terminal,) = settings["information_model"]["terminals"]
    terminal["cards"][0]["card"] = str(card / "card.json")
    own = replace(site, role=start_role("simulators.konnektor", settings))
    pades = "<dss:SignatureType>http://uri.etsi.org/02778/3</dss:SignatureType>"
    answer = own.sign(SMCB, document(letter(), "application/pdf-a"), pades, crypt="ECC")
    assert answer.code == 4205


def letter() -> bytes:
    pdf = FPDF(enforce_compliance="PDF/A-2B")
    pdf.set_creation_date(NOW)
    pdf.add_page()
    return bytes(pdf.output())
