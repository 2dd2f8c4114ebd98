"""Invariants between the resources of an eAU: who certifies what for whom, and who pays.

Each judge returns the element that breaks the invariant, or that should hold what is missing;
None if it holds. What cannot be told because something else is missing holds.
"""

from __future__ import annotations

from .document import Document, at, extensions, first, profile_of, value, values
from .packages import KBV, short
from .resource_invariants import Element, Judge, kind_of_payer, qualifications, qualified

STATUTORY = frozenset({"GKV", "BG", "SKT", "UK"})
INSURED = STATUTORY | {"PKV"}
ASV = frozenset({"01", "11"})
ASV_GROUP = "https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Fachgruppennummer_ASV"
PRUEFNUMMER = "https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Pruefnummer"
NUMBERED = frozenset({"00", "01", "04"})
EMPLOYED = NUMBERED | {"03"}


def payer(document: Document) -> str:
    """Return the kind of payer of the bundle's Coverage (GKV, PKV, …), empty if unknown."""
    return next((kind_of_payer(one) for one in document.resources("Coverage")), "")


def certificate_type(document: Document) -> str:
    """Return ERST, FOLGE, ERST_END or FOLGE_END, empty if the Composition says nothing."""
    for composition in document.resources("Composition"):
        for coding in at(composition, "type.coding"):
            if any(one.endswith("KBV_CS_EAU_AU_Type") for one in values(coding, "system")):
                return next(iter(values(coding, "code")), "")
    return ""


def conditions(document: Document, profile: str) -> list[Element]:
    """Return the Conditions that follow *profile*."""
    return [one for one in document.resources("Condition") if short(profile_of(one)) == profile]


def for_payers(kinds: frozenset[str], judge: Judge) -> Judge:
    """Return *judge* for documents whose payer is one of *kinds*."""

    def limited(element: Element, document: Document) -> Element | None:
        return judge(element, document) if payer(document) in kinds else None

    return limited


def pruefnummer(_: Element, document: Document) -> Element | None:
    """Judge that the Composition names the Prüfnummer of the software."""
    composition = _composition(document)
    if composition is None or PRUEFNUMMER in values(composition, "author.identifier.system"):
        return None
    return composition


def postal_code(_: Element, document: Document) -> Element | None:
    """Judge that a German address has a postal code."""
    addresses = (one for given in document.resources("Patient") for one in at(given, "address"))
    german = (one for one in addresses if values(one, "country") == ["D"])
    return first(one for one in german if not at(one, "postalCode"))


def basis_given(_: Element, document: Document) -> Element | None:
    """Judge that the Composition names the legal basis."""
    return None if _legal_basis(document) is not None else _composition(document)


def steps_once(_: Element, document: Document) -> Element | None:
    """Judge that no further step is named twice."""
    seen: set[str] = set()
    for request in document.resources("ServiceRequest"):
        for code in at(request, "code.coding.code"):
            if code.get("value", "") in seen:
                return code
            seen.add(code.get("value", ""))
    return None


def author_identified(_: Element, document: Document) -> Element | None:
    """Judge that the issuing doctor has a number."""
    return _unidentified(_authors(document))


def responsible_identified(_: Element, document: Document) -> Element | None:
    """Judge that the responsible doctor has a number."""
    return _unidentified(_responsible(document))


def responsible_allowed(_: Element, document: Document) -> Element | None:
    """Judge that only trainees and deputies name somebody responsible."""
    composition = _composition(document)
    party = [] if composition is None else at(composition, "attester.party.reference")
    if not party or qualifications(_authors(document)) <= {"03", "04"}:
        return None
    return party[0]


def responsible_doctor(_: Element, document: Document) -> Element | None:
    """Judge that neither midwife nor trainee is responsible."""
    persons = _responsible(document)
    return None if qualifications(persons) <= NUMBERED else persons[0]


def responsible_needed(_: Element, document: Document) -> Element | None:
    """Judge that a trainee without number names who is responsible."""
    authors, composition = _authors(document), _composition(document)
    if composition is None or not authors or at(composition, "attester.party"):
        return None
    trainee = qualified(authors, frozenset({"03"})) and not _identified(authors)
    return composition if trainee else None


def author_asv_number(_: Element, document: Document) -> Element | None:
    """Judge that the issuing doctor's ASV group stands in place of a number, in ASV only."""
    return _misplaced_asv_number(_authors(document), document)


def responsible_asv_number(_: Element, document: Document) -> Element | None:
    """Judge that the responsible doctor's ASV group stands in place of a number, in ASV only."""
    return _misplaced_asv_number(_responsible(document), document)


def asserted_by_author(_: Element, document: Document) -> Element | None:
    """Judge that every Condition is asserted by the issuing doctor."""
    return _differing(document, "Condition", "asserter.reference")


def role_of_author(_: Element, document: Document) -> Element | None:
    """Judge that the ASV role is that of the issuing doctor."""
    return _differing(document, "PractitionerRole", "practitioner.reference")


def organization_identified(_: Element, document: Document) -> Element | None:
    """Judge that the practice has a number."""
    organization, authors = first(document.resources("Organization")), _authors(document)
    if organization is None or not authors or at(organization, "identifier"):
        return None
    return organization if qualified(authors, EMPLOYED) else None


def start_given(_: Element, document: Document) -> Element | None:
    """Judge that a first certificate says since when."""
    if certificate_type(document) not in ("ERST", "ERST_END"):
        return None
    periods = _periods(document)
    return first(one for one in periods if not at(one, "start"))


def start_absent(_: Element, document: Document) -> Element | None:
    """Judge that a follow-up certificate does not say since when."""
    if certificate_type(document) not in ("FOLGE", "FOLGE_END"):
        return None
    return first(one for period in _periods(document) for one in at(period, "start"))


def insured_by(*codes: str) -> Judge:
    """Return who judges that an identified patient is identified by one of *codes*."""

    def judge(_: Element, document: Document) -> Element | None:
        patients = document.resources("Patient")
        identifiers = [one for patient in patients for one in at(patient, "identifier")]
        given = {code for one in identifiers for code in values(one, "type.coding.code")}
        return None if not identifiers or given & set(codes) else identifiers[0]

    return judge


def private_only(resource: str, name: str) -> Judge:
    """Return who judges that the extension *name* is there for private insurance only."""

    def judge(_: Element, document: Document) -> Element | None:
        if payer(document) in ("PKV", ""):
            return None
        holders = document.resources(resource)
        return first(found for one in holders for found in extensions(one, f"{KBV}{name}"))

    return judge


def inpatient_private_only(_: Element, document: Document) -> Element | None:
    """Judge that treatment in hospital is a further step for private insurance only."""
    if payer(document) in ("PKV", ""):
        return None
    requests = document.resources("ServiceRequest")
    codes = (code for one in requests for code in at(one, "code.coding.code"))
    return first(one for one in codes if value(one) == "stationaere_heilbehandlung")


def born_before(_: Element, document: Document) -> Element | None:
    """Judge that the patient was born by the day of issue, as exactly as the birth is known."""
    issued = value(first(at(document.root, "entry.resource.date"))) or ""
    births = (one for patient in document.resources("Patient") for one in at(patient, "birthDate"))
    return first(
        one for one in births if issued and (value(one) or "") > issued[: len(value(one) or "")]
    )


def team_given(_: Element, document: Document) -> Element | None:
    """Judge that an ASV certificate names the team."""
    basis = _legal_basis(document)
    return basis if _is_asv(basis) and _team_section(document) is None else None


def team_absent(_: Element, document: Document) -> Element | None:
    """Judge that only an ASV certificate names a team."""
    return None if _is_asv(_legal_basis(document)) else _team_section(document)


def address_given(_: Element, document: Document) -> Element | None:
    """Judge that the patient has an address."""
    return first(one for one in document.resources("Patient") if not at(one, "address"))


def _composition(document: Document) -> Element | None:
    return first(document.resources("Composition"))


def _persons(document: Document, path: str) -> list[Element]:
    """Return the Practitioners that the Composition refers to at *path*."""
    composition = _composition(document)
    if composition is None:
        return []
    targets = [document.target(one) for one in values(composition, f"{path}.reference")]
    return [one for one in targets if one is not None]


def _authors(document: Document) -> list[Element]:
    return _persons(document, "author")


def _responsible(document: Document) -> list[Element]:
    return _persons(document, "attester.party")


def _identified(persons: list[Element]) -> bool:
    return any(at(one, "identifier") for one in persons)


def _unidentified(persons: list[Element]) -> Element | None:
    if not persons or not qualified(persons, NUMBERED):
        return None
    return None if _identified(persons) or _asv_group(persons) is not None else persons[0]


def _asv_group(persons: list[Element]) -> Element | None:
    codings = (coding for one in persons for coding in at(one, "qualification.code.coding"))
    return first(one for one in codings if values(one, "system") == [ASV_GROUP])


def _misplaced_asv_number(persons: list[Element], document: Document) -> Element | None:
    group, basis = _asv_group(persons), _legal_basis(document)
    if group is None or basis is None:
        return None
    fine = _is_asv(basis) and qualifications(persons) <= {"00", "04"}
    return None if fine and not _identified(persons) else group


def _legal_basis(document: Document) -> Element | None:
    composition = _composition(document)
    if composition is None:
        return None
    return first(extensions(composition, f"{KBV}KBV_EX_FOR_Legal_basis"))


def _is_asv(basis: Element | None) -> bool:
    return basis is not None and all(one in ASV for one in values(basis, "valueCoding.code"))


def _team_section(document: Document) -> Element | None:
    codes = at(document.root, "entry.resource.section.code.coding.code")
    return first(one for one in codes if value(one) == "FOR_PractitionerRole")


def _periods(document: Document) -> list[Element]:
    given = conditions(document, "KBV_PR_EAU_Condition_AU")
    return [one for condition in given for one in at(condition, "onsetPeriod")]


def _differing(document: Document, resource: str, path: str) -> Element | None:
    composition = _composition(document)
    author = [] if composition is None else values(composition, "author.reference")
    if len(author) != 1:
        return None
    found = (one for given in document.resources(resource) for one in at(given, path))
    return first(one for one in found if value(one) != author[0])
