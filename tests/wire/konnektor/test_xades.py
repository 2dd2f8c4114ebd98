"""XAdES: XML signatures in all three forms, judged by xmlsec1 and the official schemas."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from simulators.pki.cards import read_card
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context, document, schema

DS = "http://www.w3.org/2000/09/xmldsig#"
XML = "<dss:SignatureType>urn:ietf:rfc:3275</dss:SignatureType>"
# prefixes that an answer uses too, for other names: they must not be exchanged
LETTER = (
    '<?xml version="1.0"?><!-- Brief --><brief xmlns="urn:x" xmlns:dsig="http://www.w3.org/2000/09'
    '/xmldsig#" xmlns:CONN="urn:y"><?druck ja?><!-- an --><an CONN:art="1" a="2">Grüße</an>'
    "<text>  eins &lt; zwei</text></brief>"
).encode()
ENVELOPED = (
    "<dss:SignaturePlacement><dss:XPathFirstChildOf xmlns:p='urn:x'>/p:brief"
    "</dss:XPathFirstChildOf></dss:SignaturePlacement>"
)
ENVELOPING = "<SIG:IncludeObjects><dss:IncludeObject WhichDocument='d1'/></SIG:IncludeObjects>"


def xml_document(content: bytes = LETTER, attributes: str = " ID='d1' ShortText='Brief'") -> str:
    encoded = base64.b64encode(content).decode()
    return f"<SIG:Document{attributes}><CONN:Base64XML>{encoded}</CONN:Base64XML></SIG:Document>"


def parsed(octets: bytes) -> Any:
    return etree.fromstring(octets)


def made(answer: Any) -> bytes:
    """Return the ds:Signature of an answer as it stands there."""
    assert answer.status == 200, answer.code
    holder = answer.body.find(".//{*}SignatureObject")
    if holder[0].tag.endswith("Base64Signature"):
        return base64.b64decode(holder[0].text)
    return bytes(etree.tostring(holder[0]))


def enveloped(answer: Any) -> bytes:
    return bytes(answer.binary("//SIG:DocumentWithSignature/CONN:Base64XML"))


def verify(
    site: Site,
    given: str = "",
    signature: str = "",
    options: str = "",
    revocation: str = "false",
) -> Any:
    inputs = f"<SIG:OptionalInputs>{options}</SIG:OptionalInputs>" if options else ""
    holder = f"<dss:SignatureObject>{signature}</dss:SignatureObject>" if signature else ""
    return site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}{inputs}{given}{holder}"
        f"<SIG:IncludeRevocationInfo>{revocation}</SIG:IncludeRevocationInfo>",
    )


def in_base64(signature: bytes) -> str:
    encoded = base64.b64encode(signature).decode()
    return f'<dss:Base64Signature Type="urn:ietf:rfc:3275">{encoded}</dss:Base64Signature>'


def result(answer: Any) -> tuple[str, int | None]:
    return answer.text("//SIG:HighLevelResult"), answer.code


@pytest.fixture
def xmlsec1(tool: Callable[[str], str]) -> Callable[[Path], bool]:
    """Return whether xmlsec1 finds references and value right; trust is judged elsewhere."""
    command = [tool("xmlsec1"), "--verify", "--insecure", "--id-attr:Id", "Object"]
    command += ["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]

    def is_right(path: Path) -> bool:
        done = subprocess.run([*command, str(path)], capture_output=True, check=False)
        return done.returncode == 0

    return is_right


def test_enveloped_is_judged_by_xmlsec1(
    site: Site, tmp_path: Path, xmlsec1: Callable[[Path], bool]
) -> None:
    answer = site.sign(SMCB, xml_document(), ENVELOPED, crypt="ECC")
    signed = enveloped(answer)
    assert answer.text("//SIG:DocumentWithSignature/@ID") == answer.text(
        "//dss:SignaturePtr/@WhichDocument"
    )
    path = answer.text("//dss:SignaturePtr/@XPath")
    (found,) = parsed(signed).xpath(path, namespaces={"ds": DS})
    assert found.getparent().tag == "{urn:x}brief"
    assert found.getprevious() is None
    file = tmp_path / "signed.xml"
    file.write_bytes(signed)
    assert xmlsec1(file)
    file.write_bytes(signed.replace(b"eins", b"zwei"))
    assert not xmlsec1(file)


def test_enveloping_and_detached_are_judged_by_xmlsec1(
    site: Site, tmp_path: Path, xmlsec1: Callable[[Path], bool]
) -> None:
    file = tmp_path / "signature.xml"
    file.write_bytes(made(site.sign(SMCB, xml_document(), ENVELOPING, crypt="ECC")))
    assert xmlsec1(file)
    beside = tmp_path / "brief.xml"
    beside.write_bytes(LETTER)
    called = xml_document(attributes=f" RefURI='{beside.as_uri()}' ShortText='Brief'")
    file.write_bytes(made(site.sign(SMCB, called, crypt="ECC")))
    assert xmlsec1(file)


@pytest.mark.parametrize(("iccsn", "mandant"), [(SMCB, "m1"), (SMCB_G20, "m2")])
@pytest.mark.parametrize("options", ["", ENVELOPING, ENVELOPED])
def test_every_form_with_ecc_and_rsa(
    site: Site, spec: Callable[[str], Path], iccsn: str, mandant: str, options: str
) -> None:
    answer = site.sign(iccsn, xml_document(), options, context=context(mandant))
    if options == ENVELOPED:
        signature = parsed(enveloped(answer)).find(f".//{{{DS}}}Signature")
        checked = verify(site, xml_document(enveloped(answer)))
    else:
        octets = made(answer)
        signature = parsed(octets)
        given = "" if options else xml_document(attributes="")
        checked = verify(site, given, in_base64(octets))
    assert result(checked) == ("VALID", None)
    assert signature is not None
    schema(spec("api-telematik/ext/xmldsig-core-schema.xsd")).assertValid(signature)
    properties = signature.find(".//{*}QualifyingProperties")
    schema(spec("api-telematik/ext/XAdES.xsd")).assertValid(properties)
    assert properties.findtext(".//{*}Description") == "Brief"


@pytest.mark.parametrize("options", ["", ENVELOPING])
def test_signature_as_an_element(site: Site, options: str) -> None:
    plain = LETTER.replace(b"<?druck ja?>", b"")
    octets = made(site.sign(SMCB, xml_document(plain), options))
    given = "" if options else xml_document(plain, "")
    assert result(verify(site, given, octets.decode())) == ("VALID", None)


def test_what_an_envelope_would_alter_is_sent_in_base64(site: Site) -> None:
    plain = LETTER.replace(b"<?druck ja?>", b"")
    answers = [
        site.sign(SMCB, xml_document(content), ENVELOPING)
        for content in (plain, LETTER, b'<a xmlns:x="http://www.w3.org/2000/09/xmldsig#" x:b="1"/>')
    ]
    tags = [etree.QName(answer.body.find(".//{*}SignatureObject")[0]) for answer in answers]
    assert [tag.localname for tag in tags] == ["Signature", "Base64Signature", "Base64Signature"]
    assert all(
        result(verify(site, "", in_base64(made(answer)))) == ("VALID", None) for answer in answers
    )


def test_pss_by_a_foreign_check(site: Site) -> None:
    answer = site.sign(SMCB_G20, xml_document(), "", context=context("m2"))
    signature = parsed(made(answer))
    info = signature.find(f"{{{DS}}}SignedInfo")
    method = info.find(f"{{{DS}}}SignatureMethod").get("Algorithm")
    assert method == "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    certificate = read_card(site.pki.card(SMCB_G20)).objects["C.SIG", "RSA"].certificate
    key: Any = certificate.public_key()
    value = base64.b64decode(signature.findtext(f"{{{DS}}}SignatureValue"))
    octets = etree.tostring(info, method="c14n", exclusive=True)
    key.verify(value, octets, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())


def test_xades_is_the_default_for_base64_xml(site: Site) -> None:
    assert made(site.sign(SMCB, xml_document())).startswith(b"<ds:Signature")


def test_base64_data_with_xml_can_be_signed_as_xml(site: Site) -> None:
    given = document(LETTER, "text/xml", "Brief")
    assert result(verify(site, given, in_base64(made(site.sign(SMCB, given, XML))))) == (
        "VALID",
        None,
    )


def test_ocsp_answer_becomes_revocation_values(site: Site) -> None:
    signed = made(site.sign(SMCB, xml_document(), revocation="true"))
    assert b"EncapsulatedOCSPValue" in signed
    assert b"EncapsulatedOCSPValue" not in made(site.sign(SMCB, xml_document()))


def test_place_after_an_element(site: Site) -> None:
    place = ENVELOPED.replace("XPathFirstChildOf", "XPathAfter").replace("p:brief", "p:brief/p:an")
    root = parsed(enveloped(site.sign(SMCB, xml_document(), place)))
    assert [etree.QName(child).localname for child in root.iterchildren("*")] == [
        "an",
        "Signature",
        "text",
    ]


def test_document_that_is_the_object_itself(site: Site) -> None:
    wrapped = b'<ds:Object xmlns:ds="%s" Id="o1"><a/></ds:Object>' % DS.encode()
    tagged = ENVELOPING.replace("/>", " hasObjectTagsAndAttributesSet='true'/>", 1)
    signed = made(site.sign(SMCB, xml_document(wrapped), tagged))
    assert result(verify(site, "", in_base64(signed))) == ("VALID", None)
    assert site.sign(SMCB, xml_document(), tagged).code == 4000


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (ENVELOPED.replace("/p:brief", "/p:nichts"), 4000),
        (ENVELOPED.replace("/p:brief", "//*"), 4000),
        (ENVELOPED.replace("/p:brief", "count(//*)"), 4000),
        (ENVELOPED.replace("/p:brief", "//*[//*[//*]]"), 4000),
        (ENVELOPED.replace("/p:brief", "/q:brief"), 4000),
        (ENVELOPED.replace("XPathFirstChildOf", "XPathAfter"), 4000),
        (ENVELOPED.replace("Placement>", "Placement WhichDocument='x'>", 1), 4000),
        (ENVELOPED.replace("Placement>", "Placement CreateEnvelopedSignature='0'>", 1), 4111),
        (ENVELOPED + ENVELOPING, 4111),
        (ENVELOPING.replace("d1", "d2"), 4000),
        (ENVELOPING.replace("/>", " createReference='false'/>", 1), 4111),
        (ENVELOPING.replace("/>", " ObjId='1 2'/>", 1), 4000),
        (ENVELOPING.replace("<dss:Inc", "<dss:IncludeObject/><dss:Inc"), 4111),
    ],
)
def test_variants_that_cannot_be(site: Site, options: str, code: int) -> None:
    assert site.sign(SMCB, xml_document(), options).code == code


@pytest.mark.parametrize("uri", ["", "#d1"])
def test_detached_from_a_document_that_is_no_other(site: Site, uri: str) -> None:
    called = xml_document(attributes=f" RefURI='{uri}' ShortText='Brief'")
    assert site.sign(SMCB, called, XML).code == 4000


def test_placement_beside_another_type_is_ignored(site: Site) -> None:
    answer = site.sign(
        SMCB, document(b"x"), "<dss:SignatureType>urn:ietf:rfc:5652</dss:SignatureType>" + ENVELOPED
    )
    assert (answer.status, answer.code) == (200, 4197)


def test_qes_needs_a_policy(site: Site) -> None:
    assert site.sign(HBA, xml_document(), XML, context=context(user="eva")).code == 4111


def test_altered(site: Site) -> None:
    signed = enveloped(site.sign(SMCB, xml_document(), ENVELOPED))
    altered = xml_document(signed.replace(b"eins", b"zwei"))
    assert result(verify(site, altered)) == ("INVALID", 4115)
    octets = made(site.sign(SMCB, xml_document()))
    other = xml_document(LETTER.replace(b"eins", b"zwei"), "")
    assert result(verify(site, other, in_base64(octets))) == ("INVALID", 4115)
    inside = made(site.sign(SMCB, xml_document(), ENVELOPING))
    assert result(verify(site, other, in_base64(inside))) == ("INVALID", 4115)
    same = xml_document(attributes="")
    assert result(verify(site, same, in_base64(inside))) == ("VALID", None)


def test_detached_needs_its_document(site: Site) -> None:
    assert verify(site, "", in_base64(made(site.sign(SMCB, xml_document())))).code == 4000


def test_pointer_into_the_document(site: Site) -> None:
    answer = site.sign(SMCB, xml_document(), ENVELOPED)
    given = xml_document(enveloped(answer))
    path = answer.text("//dss:SignaturePtr/@XPath")
    pointer = f'<dss:SignaturePtr WhichDocument="d1" XPath="{path}"/>'
    assert result(verify(site, given, pointer)) == ("VALID", None)
    assert verify(site, given, pointer.replace("sig-", "gis-")).code == 4000
    assert verify(site, given, pointer.replace("d1", "d2")).code == 4000


def test_signed_document_in_place_of_its_signature(site: Site) -> None:
    signed = enveloped(site.sign(SMCB, xml_document(), ENVELOPED))
    assert result(verify(site, "", in_base64(signed))) == ("VALID", None)
    other = xml_document(attributes="")
    assert verify(site, other, in_base64(signed)).text("//SIG:HighLevelResult") == "INVALID"


def test_no_signature_inside(site: Site) -> None:
    assert verify(site, xml_document()).code == 4253


def wrapped(signed: bytes, how: str) -> bytes:
    """Move what is signed to where nobody looks, and put something else in its place."""
    inside = signed[signed.index(b"<brief") :]
    match how:
        case "around":  # an enveloped document becomes a part of another one
            return b"<neu><text>Betrug</text>" + inside + b"</neu>"
        case "twice":  # the id that is referred to stands twice
            return inside.replace(b"<text>", b"<text><fake Id='%s'/>" % _properties_id(signed))
        case _:
            return inside.replace(b"#enveloped-signature", b"#xpath")


def _properties_id(signed: bytes) -> bytes:
    found = parsed(signed).find(".//{*}SignedProperties")
    return bytes(found.get("Id").encode())


@pytest.mark.parametrize("how", ["around", "twice", "transform"])
def test_wrapping_is_seen(site: Site, how: str) -> None:
    signed = enveloped(site.sign(SMCB, xml_document(), ENVELOPED))
    answer = verify(site, xml_document(wrapped(signed, how)))
    assert answer.text("//SIG:HighLevelResult") == "INVALID"


def test_signed_part_of_a_larger_document(site: Site) -> None:
    """An enveloping signature is valid by itself, and signs nothing of what is put around it."""
    signed = made(site.sign(SMCB, xml_document(), ENVELOPING))
    around = b"<neu><text>Betrug</text>" + signed + b"</neu>"
    assert result(verify(site, xml_document(around))) == ("INVALID", 4262)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("http://www.w3.org/TR/1999/REC-xpath-19991116", 4281),
        ("http://www.w3.org/2002/06/xmldsig-filter2", 4281),
        ("http://www.w3.org/TR/1999/REC-xslt-19991116", 4281),
        ("urn:x", 4112),
    ],
)
def test_forbidden_transforms(site: Site, uri: str, code: int) -> None:
    signed = enveloped(site.sign(SMCB, xml_document(), ENVELOPED))
    changed = signed.replace(b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", uri.encode())
    assert verify(site, xml_document(changed)).code == code


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9/x.xml", "file:///etc/passwd", "#nichts", "../x"]
)
def test_references_are_not_followed(site: Site, uri: str) -> None:
    octets = made(site.sign(SMCB, xml_document()))
    changed = octets.replace(b'<ds:Reference Id="', f'<ds:Reference URI="{uri}" Id="'.encode(), 1)
    answer = verify(site, xml_document(attributes=""), in_base64(changed))
    assert answer.text("//SIG:HighLevelResult") == "INVALID"


def test_too_much_is_signed(site: Site) -> None:
    signed = enveloped(site.sign(SMCB, xml_document(), ENVELOPED))
    start, end = signed.index(b"<ds:Reference "), signed.index(b"</ds:Reference>") + 15
    many = signed[:end] + signed[start:end] * 70 + signed[end:]
    assert verify(site, xml_document(many)).code == 4280
    steps = b'<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>' * 12
    deep = signed.replace(b"<ds:Transforms>", b"<ds:Transforms>" + steps, 1)
    assert verify(site, xml_document(deep)).code == 4280


def test_report_of_an_xml_signature(site: Site) -> None:
    given = xml_document(enveloped(site.sign(SMCB, xml_document(), ENVELOPED)))
    answer = verify(site, given, options="<vr:ReturnVerificationReport/>")
    assert answer.text("//vr:SigMathOK/vr:ResultMajor").endswith(":valid")
    assert answer.text("//vr:SignatureAlgorithm/vr:Algorithm").endswith("ecdsa-sha256")
    assert answer.text("//vr:DetailedSignatureReport//vr:Reason") == "Brief"


def test_revocation_information_is_put_into_an_xml_signature(site: Site, spec: Any) -> None:
    """Into the document where the signature is inside, else into the signature."""
    properties_schema = schema(spec("api-telematik/ext/XAdES.xsd"))
    for options in (ENVELOPED, ENVELOPING):
        answer = site.sign(SMCB, xml_document(), options)
        if options == ENVELOPED:
            given, signature = xml_document(enveloped(answer)), ""
        else:
            given, signature = "", in_base64(made(answer))
        updated = verify(site, given, signature, revocation="true")
        assert result(updated) == ("VALID", None)
        if options == ENVELOPED:
            octets = enveloped(updated)
            again = verify(site, xml_document(octets), revocation="true")
        else:
            octets = updated.binary("//dss:UpdatedSignature//dss:Base64Signature")
            again = verify(site, "", in_base64(octets), revocation="true")
        properties_schema.assertValid(parsed(octets).find(".//{*}QualifyingProperties"))
        assert octets.count(b"EncapsulatedOCSPValue>") == 2
        assert result(again) == ("VALID", 4261)
