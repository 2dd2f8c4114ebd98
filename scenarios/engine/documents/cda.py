"""The CDA of an eArztbrief: HL7 CDA R2 with the header of the VHitG guide, version 1.50.

A CDA schema is not at hand, so order and names follow the guide's header as the KBV's catalogue
for the eArztbrief describes it; the body is a short text. Template OIDs of the Arztbrief 2014
are unconfirmed and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from .identities import Identities
from .people import AUTHOR, Author, Insurer, Patient, patient
from .safe_xml import NotXml, first_text, parse

HL7 = "urn:hl7-org:v3"
_DEFAULT_NAMESPACE: dict[str | None, str] = {None: HL7}
KVNR_ROOT = "1.2.276.0.76.4.8"
IK_ROOT = "1.2.276.0.76.4.5"
# unconfirmed: the two roots below stand in no public text that was read
BSNR_ROOT = "1.2.276.0.76.4.17"
LANR_ROOT = "1.2.276.0.76.4.16"


@dataclass(frozen=True)
class Letter:
    """What a discharge letter states; CDA and PDF are made of the same facts."""

    identities: Identities
    person: Patient
    insurer: Insurer
    recipient: str
    written: datetime
    paragraphs: tuple[str, ...]
    author: Author

    @property
    def title(self) -> str:
        """Title of the document."""
        return "Arztbrief"


def letter(
    identities: Identities,
    insurer: Insurer,
    recipient: str,
    written: datetime,
    author: Author = AUTHOR,
    *,
    about: Patient | None = None,
) -> Letter:
    """Return a letter drawn from the seed; *recipient* is the name of a colleague's practice.

    It is *about* a patient drawn from the seed, too, if none is given.
    """
    choice = identities.choice()
    doctor = author.doctor
    drawn = patient(choice)
    person = about or drawn
    reading = f"{choice.randint(118, 142)}/{choice.randint(70, 90)} mmHg"
    paragraphs = (
        "Sehr geehrte Kollegin, sehr geehrter Kollege,",
        f"ich berichte über {person.given} {person.family}, geboren am "
        f"{person.birth:%d.%m.%Y}, wohnhaft in {person.postal_code} {person.city}.",
        "Diagnose: akute Infektion der oberen Atemwege (J06.9 G).",
        f"Befund: Rachen gerötet, Lunge frei, Blutdruck {reading}.",
        "Therapie: symptomatisch, körperliche Schonung, Wiedervorstellung bei Verschlechterung.",
        f"Mit freundlichen kollegialen Grüßen, {doctor.title} {doctor.given} {doctor.family}",
    )
    return Letter(identities, person, insurer, recipient, written, paragraphs, author)


def document(facts: Letter) -> bytes:
    """Return the CDA document as UTF-8 XML."""
    root = etree.Element(f"{{{HL7}}}ClinicalDocument", nsmap=_DEFAULT_NAMESPACE)  # type: ignore[arg-type] # the stubs know no default namespace
    identity = str(facts.identities.uuid("cda"))
    root.extend(
        [
            _node("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040"),
            _node("id", root=str(facts.identities.uuid("cda-root")).upper(), extension=identity),
            _node(
                "code",
                code="11488-4",
                codeSystem="2.16.840.1.113883.6.1",
                displayName="Arztbrief",
            ),
            _text("title", facts.title),
            _node("effectiveTime", value=_time(facts.written)),
            _node("confidentialityCode", code="N", codeSystem="2.16.840.1.113883.5.25"),
            _node("languageCode", code="de-DE"),
            _node("setId", root=str(facts.identities.uuid("cda-root")).upper(), extension=identity),
            _node("versionNumber", value="1"),
            _record_target(facts),
            _author(facts),
            _custodian(facts),
            _recipient(facts),
            _legal_authenticator(facts),
            _insurance(facts),
            _body(facts),
        ]
    )  # fmt: skip
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


@dataclass(frozen=True)
class CdaFacts:
    """What a reader takes from a CDA: for the check that all files concern one patient."""

    family: str
    given: str
    birth: str
    kvnr: str | None
    insurer_ik: str | None


def read_document(content: bytes) -> CdaFacts:
    """Read patient and insurer of a CDA. Raises NotXml when it is none, or names no patient.

    Mandatory (AF-eAB): Kostenträgerkennung, Versichertenart, name,
    birth date, postal code.
    """
    root = parse(content)
    if root.tag != f"{{{HL7}}}ClinicalDocument":
        raise NotXml(f"die Wurzel ist {etree.QName(root).localname}, kein ClinicalDocument")
    names = {"h": HL7}
    patient_role = "h:recordTarget/h:patientRole"

    def value(path: str) -> str | None:
        return first_text(root, path, names)

    needed = {
        "Name": value(f"{patient_role}/h:patient/h:name/h:family/text()"),
        "Vorname": value(f"{patient_role}/h:patient/h:name/h:given/text()"),
        "Geburtsdatum": value(f"{patient_role}/h:patient/h:birthTime/@value"),
        "PLZ": value(f"{patient_role}/h:addr/h:postalCode/text()"),
        "Kostenträgerkennung": value(
            "h:participant[@typeCode='HLD']//h:scopingOrganization/"
            f"h:id[@root='{IK_ROOT}']/@extension"
        ),
        "Versichertenart": value(
            "h:participant[@typeCode='HLD']//h:code/h:translation"
            "[@codeSystem='2.16.840.1.113883.3.7.1.1']/@code"
        ),
    }
    missing = [name for name, found in needed.items() if not found]
    if missing:
        raise NotXml(f"im CDA-Header fehlt: {', '.join(missing)}")
    return CdaFacts(
        needed["Name"] or "",
        needed["Vorname"] or "",
        needed["Geburtsdatum"] or "",
        value(f"{patient_role}/h:id[@root='{KVNR_ROOT}']/@extension"),
        needed["Kostenträgerkennung"],
    )


def _record_target(facts: Letter) -> etree._Element:
    person = facts.person
    return _node(
        "recordTarget",
        _node(
            "patientRole",
            _node("id", extension=person.kvnr, root=KVNR_ROOT),
            _node(
                "addr",
                _text("streetName", person.street),
                _text("houseNumber", person.house),
                _text("postalCode", person.postal_code),
                _text("city", person.city),
            ),
            _node(
                "patient",
                _name(person.given, person.family),
                _node(
                    "administrativeGenderCode",
                    code="F" if person.gender == "female" else "M",
                    codeSystem="2.16.840.1.113883.5.1",
                ),
                _node("birthTime", value=f"{person.birth:%Y%m%d}"),
            ),
        ),
    )


def _author(facts: Letter) -> etree._Element:
    return _node(
        "author", _node("time", value=_time(facts.written)), _doctor("assignedAuthor", facts.author)
    )


def _custodian(facts: Letter) -> etree._Element:
    organization = _practice("representedCustodianOrganization", facts.author)
    return _node("custodian", _node("assignedCustodian", organization))


def _legal_authenticator(facts: Letter) -> etree._Element:
    return _node(
        "legalAuthenticator",
        _node("time", value=_time(facts.written)),
        _node("signatureCode", code="S"),
        _doctor("assignedEntity", facts.author),
    )


def _doctor(role: str, author: Author) -> etree._Element:
    return _node(
        role,
        _node("id", extension=author.doctor.lanr, root=LANR_ROOT),
        _node(
            "assignedPerson", _name(author.doctor.given, author.doctor.family, author.doctor.title)
        ),
        _practice("representedOrganization", author),
    )


def _practice(role: str, author: Author) -> etree._Element:
    return _node(
        role,
        _node("id", extension=author.practice.bsnr, root=BSNR_ROOT),
        _text("name", author.practice.name),
    )


def _recipient(facts: Letter) -> etree._Element:
    return _node(
        "informationRecipient",
        _node("intendedRecipient", _node("receivedOrganization", _text("name", facts.recipient))),
        typeCode="PRCP",
    )


def _insurance(facts: Letter) -> etree._Element:
    """The insured person and the insurer: participant HLD (VHitG guide 1.50)."""
    return _node(
        "participant",
        _node(
            "associatedEntity",
            _node(
                "code",
                _node("translation", code="1", codeSystem="2.16.840.1.113883.3.7.1.1"),
                code="SELF",
                codeSystem="2.16.840.1.113883.5.111",
            ),
            _node(
                "scopingOrganization",
                _node("id", extension=facts.insurer.ik, root=IK_ROOT),
                _text("name", facts.insurer.name),
            ),
            classCode="POLHOLD",
        ),
        typeCode="HLD",
    )


def _body(facts: Letter) -> etree._Element:
    paragraphs = [_text("paragraph", text) for text in facts.paragraphs]
    section = _node("section", _text("title", facts.title), _node("text", *paragraphs))
    return _node("component", _node("structuredBody", _node("component", section)))


def _name(given: str, family: str, prefix: str | None = None) -> etree._Element:
    parts = [] if prefix is None else [_text("prefix", prefix)]
    return _node("name", *parts, _text("given", given), _text("family", family))


def _time(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S%z}"


def _node(name: str, *children: etree._Element, **attributes: str) -> etree._Element:
    made = etree.Element(f"{{{HL7}}}{name}", attributes)
    made.extend(children)
    return made


def _text(name: str, text: str) -> etree._Element:
    made = _node(name)
    made.text = text
    return made
