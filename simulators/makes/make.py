"""What differs between makes of Konnektoren, as settings."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.fields import FieldInfo

from simulators.process.settings import Settings

from .profiles import merged
from .services import OPERATIONS, SERVICES, versions

Authentication = Literal["certificate", "basic", "tls", "none"]
GematikCode = Annotated[int, Field(ge=1000, le=9999)]
Path = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=120)]
Millisecond = Annotated[float, Field(ge=0, le=60_000)]
DIRECTORY_PATH = "/connector.sds"


def _one_of(known: Collection[str], name: str) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        meant = f"; gemeint ist vielleicht {near[0]}" if near else f", nur {', '.join(known)}"
        raise ValueError(f"{name!r:.60} gibt es nicht{meant}")
    return name


def _named(known: Collection[str]) -> tuple[AfterValidator, FieldInfo]:
    extra: dict[str, Any] = {"enum": sorted(known)}
    return AfterValidator(lambda name: _one_of(known, name)), Field(json_schema_extra=extra)


Operation = Annotated[str, *_named(OPERATIONS)]
ServiceName = Annotated[str, *_named(SERVICES)]
ServiceOrVersion = Annotated[str, *_named(versions() | SERVICES.keys())]


class VendorTrace(Settings):
    """A Trace of the vendor's own, which stands before gematik's, the last one (A_14159)."""

    code: int = Field(ge=10_000, le=40_999)
    text: str = Field(min_length=1, max_length=400)
    detail: str = Field(default="", max_length=400)


class TraceForm(Settings):
    """Which parts of a Trace are filled; the schema lets each of them be empty.

    ``instance`` is what Instance says, without it the process's name; ``detail`` false leaves
    Detail out, as makes do that tell the caller nothing but code and text.
    """

    event_id: bool = True
    instance: str | None = Field(default=None, max_length=80)
    log_reference: bool = False
    component: str = Field(default="Konnektor", max_length=80)
    detail: bool = True


class Latency(Settings):
    """How long an answer takes beyond the work itself, in milliseconds.

    ``usual`` holds for every operation that ``operations`` does not name; each answer waits the
    time plus or minus up to ``jitter``, drawn from the seed of the process.
    """

    usual: Millisecond = 0
    jitter: Millisecond = 0
    operations: dict[Operation, Millisecond] = {}

    def of(self, operation: str) -> float:
        """Return the usual time of *operation* in milliseconds."""
        return self.operations.get(operation, self.usual)


Reaction = Literal["refuse", "swallow"]


class Callers(Settings):
    """What happens to callers' mistakes: ``refuse`` answers the fault, ``swallow`` goes on.

    What is swallowed stands in the journal as ``deviation``, so that a rehearsal can report it.
    ``soap_action``: missing or of another operation (gemILF_PS TIP1-A_4964). ``content_type``:
    another XML type than text/xml (anything that is no XML is always refused). ``charset``: not
    named in Content-Type (another one than UTF-8 is always refused, A_15606). ``element_order``:
    children in another order than the schema's. ``unknown_elements``: children that the schema
    does not have. Instead of a table one word says all: ``strict`` refuses, ``lenient`` swallows
    everything; ``usual`` refuses only what breaks the schema.
    """

    soap_action: Reaction = "swallow"
    content_type: Reaction = "swallow"
    charset: Reaction = "swallow"
    element_order: Reaction = "refuse"
    unknown_elements: Reaction = "refuse"


def _of_word(content: Any) -> Any:
    if content == "usual":
        return {}
    if content in ("strict", "lenient"):
        word: Reaction = "refuse" if content == "strict" else "swallow"
        return dict.fromkeys(Callers.model_fields, word)
    if isinstance(content, str):
        raise ValueError("erwartet wird strict, usual, lenient oder eine Zuordnung")
    return content


CallersOrWord = Annotated[
    Callers,
    BeforeValidator(
        _of_word, json_schema_input_type=Callers | Literal["strict", "usual", "lenient"]
    ),
]


class Tls(Settings):
    """Which versions of TLS the SOAP port speaks (gemSpec_Krypt: 1.2 and 1.3)."""

    minimum: Literal["1.2", "1.3"] = "1.2"
    maximum: Literal["1.2", "1.3"] = "1.3"

    @model_validator(mode="after")
    def _in_order(self) -> Tls:
        if self.minimum > self.maximum:
            raise ValueError("minimum liegt über maximum")
        return self


class Make(Settings):
    """What differs between real Konnektoren: names, versions, paths, faults and answers.

    The names are invented on purpose. ``profile`` names a make that is shipped
    (``simulators/makes/profiles``); what stands beside it replaces the profile's.

    ``paths`` replaces the path of a service below ``base_path``, for all of its versions or for
    one (``SignatureService/7.5``); ``order`` names the services that the service directory lists
    first; ``newest_first`` turns the versions of a service round. ``target_namespace`` chooses
    what the service directory calls TargetNamespace: that of the ``wsdl``, by which some clients
    find the binding, or that of the messages (``schema``); both are seen.

    ``trace``, ``vendor_trace`` (before every fault) and ``vendor_traces`` (before one code) shape
    the gematik Error; ``texts`` replaces ErrorTexts by code. ``unknown_context`` chooses the
    answer to an unknown Mandant, Clientsystem or Workplace: ``4021`` as gemSpec_Kon TAB_KON_514
    has it, or ``specific`` for 4004, 4005, 4006 as some Konnektoren answer. ``unknown_handle``
    replaces the answer to a card handle that is not known, by operation: gemSpec_Kon has 4101
    for GetResourceInformation and 4008 for ReadCardCertificate, real ones say 4101 for both.

    ``modes`` are the ways in which Clientsysteme may connect; ``tls`` the versions spoken.

    Unconfirmed, hence settings. What PTV6 does with a card that has ECC where RSA is asked for:
    ``forced_ecc`` at SignDocument (sign with ECC or answer ``rsa_refused``),
    ``encrypt_rsa_ecc`` at EncryptDocument with RSA_ECC (for both certificates as PTV5 does, for
    the ECC one only, or ``rsa_refused``), ``authenticate_rsa`` at ExternalAuthenticate without
    SignatureType or with that of RSA (RSA as PTV5 does, ECDSA, or ``rsa_refused``),
    ``read_rsa`` at ReadCardCertificate and CheckCertificateExpiration with Crypt RSA (the RSA
    certificates, or ``rsa_refused``). What a Konnektor does from the day on which RSA ends:
    ``after_rsa`` answers ``rsa_refused`` by itself, or signs on and leaves the judgement to the
    certificates that are revoked. And ``qes_pin_rejected``: the code of SignDocument after a
    wrong PIN.QES.

    Of PINs, unconfirmed as well: ``unblock_open_pin`` is what UnblockPin does where the PIN is not
    blocked (answer OK at once, or have the PUK typed all the same), ``unblock_qes_new_pin`` its
    code for PIN.QES with SetNewPin, ``egk_pin_needs_card`` whether an eGK's PIN is changed,
    enabled and disabled only where an SM-B or HBA is there for card-to-card (4071, 4085).

    Of CheckCertificateExpiration: ``lists_gsmckt`` says whether card terminals are listed, which
    some firmware forgets (gemILF_PS 4.4.4.1). ``card_expiration`` is the access check for a card
    asked for by its handle, for which gemSpec_Kon has no rule (unconfirmed): that of its terminal,
    or the fault 4019.

    ``max_recipients`` is how many certificates EncryptDocument takes from its caller (at least
    1,000; 4282 beyond). ``ecc_encryption`` is how CMS carries the content key to an ECC key:
    ``key-agreement`` (RFC 5753), or ``ti-ecies``, the cryptogram of the TI's cards (gemSpec_Krypt
    A_17220; its OID is unconfirmed). DecryptDocument reads both, whatever is set.

    ``mtom_answers``: SignatureService and EncryptionService answer as MTOM where the request is
    one or its Accept names it (so WS-MTOMPolicy, to which A_15610 likens it; its own conditions
    were not at hand), only where the request is one, or never.
    """

    profile: str | None = Field(default=None, description="mitgeliefertes Profil eines Herstellers")
    vendor_id: str = Field(default="KIMUL", pattern=r"^[a-zA-Z0-9_]{1,5}$")
    vendor_name: str = "kimulator TEST-ONLY"
    product_name: str = "Konnektor-Simulator"
    product_code: str = Field(default="kimukon", pattern=r"^[a-zA-Z0-9_]{1,8}$")
    product_type_version: str | None = Field(default=None, pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    hw_version: str = Field(default="1.0.0", pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    fw_version: str = Field(default="1.0.0", pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    base_path: str = Field(default="/ws", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    paths: dict[ServiceOrVersion, Path] = Field(default={}, max_length=40)
    order: list[ServiceName] = Field(default=[], max_length=40)
    newest_first: bool = False
    target_namespace: Literal["schema", "wsdl"] = "wsdl"
    modes: list[Authentication] = Field(
        default=["certificate", "basic", "tls", "none"], min_length=1
    )
    tls: Tls = Tls()
    trace: TraceForm = TraceForm()
    vendor_trace: VendorTrace | None = None
    vendor_traces: dict[GematikCode, VendorTrace] = {}
    texts: dict[GematikCode, str] = {}
    unknown_context: Literal["4021", "specific"] = "4021"
    unknown_handle: dict[Operation, Literal[4008, 4101]] = {}
    latency: Latency = Latency()
    callers: CallersOrWord = Callers()
    forced_ecc: Literal["ecc", "fault"] = "ecc"
    encrypt_rsa_ecc: Literal["both", "ecc", "fault"] = "both"
    authenticate_rsa: Literal["rsa", "ecdsa", "fault"] = "rsa"
    read_rsa: Literal["rsa", "fault"] = "rsa"
    after_rsa: Literal["refuse", "sign"] = "refuse"
    rsa_refused: GematikCode = 4058
    qes_pin_rejected: GematikCode = 4085
    mtom_answers: Literal["request_or_accept", "request", "never"] = "request_or_accept"
    unblock_open_pin: Literal["ok", "prompt"] = "ok"
    unblock_qes_new_pin: GematikCode = 4072
    egk_pin_needs_card: bool = True
    lists_gsmckt: bool = True
    card_expiration: Literal["terminal", "4019"] = "terminal"
    max_recipients: int = Field(default=1000, ge=1000, le=1900)
    ecc_encryption: Literal["key-agreement", "ti-ecies"] = "key-agreement"

    @model_validator(mode="before")
    @classmethod
    def _with_profile(cls, content: Any) -> Any:
        """Lay what is given over the profile that it names."""
        return merged(content) if isinstance(content, dict) else content

    @model_validator(mode="after")
    def _paths_apart(self) -> Make:
        """Two services under one path could not be told apart."""
        first = {DIRECTORY_PATH: "das Dienstverzeichnis"}
        for name, service in SERVICES.items():
            for version, usual in service.paths.items():
                path = self.base_path + (self.path_of(name, version) or usual)
                named = f"{name}/{version}"
                if first.setdefault(path, named) != named:
                    raise ValueError(
                        f"paths: {first[path]} und {named} haben denselben Pfad {path}"
                    )
        return self

    @property
    def told(self) -> str:
        """How reports name this make: its profile, and whether a world changed it."""
        name = self.profile or "standard"
        usual = Make.model_validate({} if self.profile is None else {"profile": self.profile})
        return name if usual == self else f"{name} (angepasst)"

    def path_of(self, service: str, version: str) -> str | None:
        """Return the path of *service* in *version* (``7.5.6``) below the base path, if its own."""
        major_minor = ".".join(version.split(".")[:2])
        return self.paths.get(f"{service}/{major_minor}") or self.paths.get(service)

    def vendor_trace_of(self, code: int) -> VendorTrace | None:
        """Return what stands before the Trace with *code*."""
        return self.vendor_traces.get(code, self.vendor_trace)
