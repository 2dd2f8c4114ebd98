"""An eAU, its Storno or the insurer's answer, read for reading: nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from ..documents import error_codes
from ..documents.fhir_xml import CODE_SYSTEMS, FHIR, HL7
from ..documents.reading import read_document
from ..documents.safe_xml import NotXml, first_text, texts
from .node import Mark, Node, node, problem

_NAMES = {"f": FHIR}
_MAX_RESOURCES = 60
_IDENTIFIERS = (
    ("KVNR", "http://fhir.de/sid/gkv/kvid-10"),
    ("LANR", "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR"),
    ("BSNR", "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR"),
    ("IK", "http://fhir.de/sid/arge-ik/iknr"),
)


def fhir_node(root: etree._Element, content: bytes) -> Node:
    """Return what a FHIR resource says: Bundle of an eAU or Storno, OperationOutcome, any other."""
    kind = etree.QName(root).localname
    if kind == "Bundle":
        return _bundle(root, content)
    if kind == "OperationOutcome":
        return _outcome(root)
    return node("fhir", f"FHIR {kind}", _profile(root))


def _bundle(root: etree._Element, content: bytes) -> Node:
    try:
        document = read_document(content)
    except NotXml as error:
        return node("fhir", "FHIR Bundle", _profile(root), children=[problem(error)])
    storno = document.is_storno
    below = [
        node("profile", "Profil", document.profile),
        node("identifier", "Bundle-Identifier", document.identifier),
        node("timestamp", "Zeitstempel", _value(root, "f:timestamp/@value")),
    ]
    if document.cancels is not None:
        below.append(node("cancels", "storniert", document.cancels))
    for resource in root.findall("f:entry/f:resource/*", _NAMES)[:_MAX_RESOURCES]:
        below += _resource(resource)
    title = "Stornomeldung zu einer eAU" if storno else "eAU (Arbeitsunfähigkeitsbescheinigung)"
    return node("storno" if storno else "eau", title, document.form, children=below)


def _resource(resource: etree._Element) -> Iterator[Node]:
    kind = etree.QName(resource).localname
    readers = {
        "Composition": _composition,
        "Patient": _patient,
        "Practitioner": _practitioner,
        "Organization": _organization,
        "Coverage": _coverage,
        "Condition": _condition,
        "ServiceRequest": _service_request,
    }
    if kind in readers:
        yield readers[kind](resource)
    elif kind not in {"List", "PractitionerRole"}:
        yield node("resource", kind, _profile(resource))


def _composition(one: etree._Element) -> Node:
    system = f"{CODE_SYSTEMS}KBV_CS_EAU_AU_Type"
    kind = _value(one, f"f:type/f:coding[f:system/@value='{system}']/f:code/@value")
    flag = _value(one, "f:extension/f:valueCoding/f:code/@value")
    below = [
        node("date", "ausgestellt", _value(one, "f:date/@value")),
        node("status", "Statuskennzeichen", flag),
    ]
    return node("composition", _value(one, "f:title/@value") or "Composition", kind, children=below)


def _patient(one: etree._Element) -> Node:
    name = " ".join(texts(one, "f:name/f:given/@value|f:name/f:family/@value", _NAMES)[::-1])
    place = _first(
        one, "f:address/f:line/@value", "f:address/f:postalCode/@value", "f:address/f:city/@value"
    )
    below = [
        *_identifiers(one),
        node("birth-date", "geboren", _value(one, "f:birthDate/@value")),
        node("address", "Anschrift", place),
    ]
    return node("patient", "Versicherte Person", name, children=below)


def _practitioner(one: etree._Element) -> Node:
    name = _first(one, "f:name/f:prefix/@value", "f:name/f:given/@value", "f:name/f:family/@value")
    return node("practitioner", "Ärztin oder Arzt", name, children=_identifiers(one))


def _organization(one: etree._Element) -> Node:
    return node(
        "organization", "Betriebsstätte", _value(one, "f:name/@value"), children=_identifiers(one)
    )


def _coverage(one: etree._Element) -> Node:
    payer = _value(one, "f:payor/f:display/@value")
    ik = _value(one, "f:payor/f:identifier/f:value/@value")
    kind = _value(one, "f:type/f:coding/f:code/@value")
    return node("coverage", "Kostenträger", payer, note=f"IK {ik}, {kind}" if ik else kind)


def _condition(one: etree._Element) -> Node:
    if "Condition_AU" in _profile(one):
        begin, end = (
            _value(one, "f:onsetPeriod/f:start/@value"),
            _value(one, "f:onsetPeriod/f:end/@value"),
        )
        noted = _value(
            one, f"f:extension[@url='{HL7}/condition-assertedDate']/f:valueDateTime/@value"
        )
        span = f"{begin or '?'} bis {end or '?'}"
        return node("period", "arbeitsunfähig", span, note=f"festgestellt {noted}" if noted else "")
    code = _value(one, "f:code/f:coding/f:code/@value")
    flags = texts(one, "f:code/f:coding/f:extension/f:valueCoding/f:code/@value", _NAMES)
    text = _value(one, "f:code/f:text/@value")
    return node("diagnosis", "Diagnose", " ".join([code or text, *flags]))


def _service_request(one: etree._Element) -> Node:
    code = _value(one, "f:code/f:coding/f:code/@value")
    return node(
        "measure", "Maßnahme", code or _profile(one), note=_value(one, "f:note/f:text/@value")
    )


def _identifiers(one: etree._Element) -> Iterator[Node]:
    for title, system in _IDENTIFIERS:
        for value in texts(one, f"f:identifier[f:system/@value='{system}']/f:value/@value", _NAMES):
            yield node("number", title, value)


def _outcome(root: etree._Element) -> Node:
    known = {code.code: code for code in error_codes.ALL}
    below = [node("profile", "Profil", _profile(root))]
    for issue in root.findall("f:issue", _NAMES)[:_MAX_RESOURCES]:
        coding = f"f:details/f:coding[f:system/@value='{error_codes.SYSTEM}']"
        code = _value(issue, f"{coding}/f:code/@value")
        display = _value(issue, f"{coding}/f:display/@value")
        note = known[code].display if code in known else "kein Code der Tabelle der KBV"
        named = texts(issue, ".//f:valueIdentifier/f:value/@value", _NAMES)
        about = [node("about", "betrifft", value) for value in named]
        mark: Mark = "" if code in known and display == note else "warn"
        below.append(
            node(
                "error",
                f"Fehler {code}",
                display,
                note="" if display == note else note,
                mark=mark,
                children=about,
            )
        )
    return node("fehler-kasse", "Fehlermeldung der Krankenkasse", children=below)


def _profile(one: etree._Element) -> str:
    return _value(one, "f:meta/f:profile/@value").rpartition("/")[2]


def _first(one: etree._Element, *paths: str) -> str:
    return " ".join(filter(None, (_value(one, path) for path in paths)))


def _value(one: etree._Element, path: str) -> str:
    return first_text(one, path, _NAMES) or ""
