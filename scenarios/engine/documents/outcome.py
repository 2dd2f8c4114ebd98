"""The insurer's error message: KBV_PR_EAU_health_insurance_Practitioner (OperationOutcome)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from lxml import etree

from .error_codes import SYSTEM, ErrorCode
from .fhir_xml import (
    FHIR,
    PROFILES,
    VERSION,
    element,
    extension,
    identifier,
    primitive,
    resource,
    to_bytes,
)
from .on_purpose import with_version
from .safe_xml import NotXml, first_text, parse

_EXTENSION = f"{PROFILES}KBV_EX_EAU_health_insurance_Practitioner_Identifier"
_MESSAGE_ID_SYSTEM = "https://fhir.kbv.de/NamingSystem/KBV_NS_EAU_Message_ID_KIM"


@dataclass(frozen=True)
class Subject:
    """What was rejected: the KIM mail by its Message-ID, or the Bundle by its identifier."""

    message_id: str | None = None
    bundle_identifier: str | None = None


def outcome(
    identity: uuid.UUID, code: ErrorCode, subject: Subject, *, version: str = VERSION
) -> bytes:
    """Return the OperationOutcome with one issue (severity fatal, code processing).

    It names the Bundle where it is known, unless *code* is about the mail itself. The Message-ID
    is written without angle brackets, as in the KBV's example. Of another profile *version* only
    meta.profile says so.
    """
    content = to_bytes(
        resource(
            "OperationOutcome",
            identity,
            "KBV_PR_EAU_health_insurance_Practitioner",
            element(
                "issue",
                extension(_EXTENSION, _named(code, subject)),
                primitive("severity", "fatal"),
                primitive("code", "processing"),
                element(
                    "details",
                    element(
                        "coding",
                        primitive("system", SYSTEM),
                        primitive("code", code.code),
                        primitive("display", code.display),
                    ),
                ),
            ),
        )
    )
    return with_version(content, version)


def _named(code: ErrorCode, subject: Subject) -> etree._Element:
    if subject.bundle_identifier is not None and not code.by_message_id:
        return extension(
            "Bundle-Identifier",
            identifier("urn:ietf:rfc:3986", subject.bundle_identifier, name="valueIdentifier"),
        )
    if subject.message_id is None:
        raise ValueError("neither Bundle identifier nor Message-ID is known")
    value = subject.message_id.strip().strip("<>")
    return extension("Message-ID", identifier(_MESSAGE_ID_SYSTEM, value, name="valueIdentifier"))


@dataclass(frozen=True)
class Rejection:
    """What an OperationOutcome of an insurer says; ``version`` is that of its profile."""

    id: str
    code: str
    display: str
    subject: Subject
    version: str = ""


def read_outcome(content: bytes) -> Rejection:
    """Read an insurer's OperationOutcome.

    Raises NotXml when it is no XML or lacks what P5-04 needs to assign it.
    """
    root = parse(content)
    names = {"f": FHIR}

    def value(path: str) -> str | None:
        return first_text(root, path, names)

    if root.tag != f"{{{FHIR}}}OperationOutcome":
        raise NotXml(f"die Wurzel ist {etree.QName(root).localname}, kein OperationOutcome")
    coding = f"f:issue/f:details/f:coding[f:system/@value='{SYSTEM}']"
    code = value(f"{coding}/f:code/@value")
    if code is None:
        raise NotXml("das OperationOutcome enthält keinen Fehlercode der Krankenkasse")
    nested = f"f:issue/f:extension[@url='{_EXTENSION}']/f:extension"
    return Rejection(
        value("f:id/@value") or "",
        code,
        value(f"{coding}/f:display/@value") or "",
        Subject(
            value(f"{nested}[@url='Message-ID']/f:valueIdentifier/f:value/@value"),
            value(f"{nested}[@url='Bundle-Identifier']/f:valueIdentifier/f:value/@value"),
        ),
        (value("f:meta/f:profile/@value") or "").rpartition("|")[2],
    )
