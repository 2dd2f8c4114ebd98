"""The Konnektor's catalogue of faults: code, text, type, severity, source."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from importlib import resources
from types import MappingProxyType

_PLACEHOLDERS = ("<…>", "%CardType%", "%Format%")


class Code(IntEnum):
    """The codes that this Konnektor raises by itself; the catalogue holds all others too."""

    SYNTAX = 4000
    INTERNAL = 4001
    CRITICAL_STATE = 4002
    USER_ID_MISSING = 4003
    UNKNOWN_MANDANT = 4004
    UNKNOWN_CLIENTSYSTEM = 4005
    UNKNOWN_WORKPLACE = 4006
    UNKNOWN_TERMINAL = 4007
    CARD_NOT_INSERTED = 4008
    SMB_NOT_MANAGED = 4009
    CLIENTSYSTEM_NOT_OF_MANDANT = 4010
    WORKPLACE_NOT_OF_MANDANT = 4011
    TERMINAL_NOT_OF_MANDANT = 4012
    SMB_NOT_OF_MANDANT = 4013
    WORKPLACE_NOT_OF_CLIENTSYSTEM = 4014
    TERMINAL_NOT_REACHABLE = 4015
    TERMINAL_NOT_LOCAL = 4016
    EGK_OTHER_WORKPLACE = 4017
    OTHER_USER_RAISED = 4018
    NO_RULE = 4019
    TERMINAL_OUT_OF_REACH = 4020
    CONTEXT_INCOMPLETE = 4021
    XML_NOT_WELL_FORMED = 4022
    NOT_SCHEMA_VALID = 4023
    FORMAT_INVALID = 4024
    SCHEMA_INVALID = 4026
    TERMINAL_BUSY = 4039
    TERMINAL_CONNECT = 4040
    PIN_TIMEOUT = 4043
    TERMINAL_ACCESS = 4044
    CARD_ACCESS = 4045
    HANDLE_INVALID_ILF = 4047
    C2C_FAILED = 4048
    PIN_ABORTED = 4049
    NO_CHANNEL = 4050
    WRONG_CARD_TYPE = 4051
    CARD_REFUSED = 4052
    NO_REMOTE_PIN = 4053
    CALL_NOT_ALLOWED = 4058
    RESOURCE_BUSY = 4060
    PIN_BLOCKED = 4063
    PUK_BLOCKED = 4064
    PIN_TRANSPORT = 4065
    PIN_PAD_MISSING = 4066
    NEW_PIN_DIFFERS = 4067
    NEW_PIN_LENGTH = 4068
    KEY_ENTRY_CORRUPT = 4069
    NO_CARD_FOR_C2C = 4071
    PIN_REFERENCE = 4072
    PIN_BY_CLIENTSYSTEM = 4078
    KEY_DATA_MISSING = 4079
    ACCESS_CONDITION = 4085
    EGK_REFUSED = 4090
    NO_REMOTE_PIN_TERMINAL = 4092
    CARD_RESERVED = 4093
    CARD_TIMEOUT = 4094
    FILTER_FAILED = 4095
    UNKNOWN_SLOT = 4097
    SLOT_EMPTY = 4098
    UNKNOWN_ICCSN = 4099
    HANDLE_INVALID = 4101
    UNKNOWN_SUBSCRIPTION = 4102
    XML_ELEMENT_MISSING = 4103
    XML_ELEMENT_AMBIGUOUS = 4104
    ENCRYPTION_FAILED = 4105
    WRONG_KEY = 4106
    DECRYPTION_FAILED = 4107
    SYMMETRIC_ENCRYPTION = 4108
    SYMMETRIC_DECRYPTION = 4109
    DOCUMENT_FORMAT = 4110
    SIGNATURE_TYPE = 4111
    NOT_CONFORMING_NONQES = 4112
    SIGNATURE_INVALID = 4115
    STACK_ONLY_HBA = 4118
    CARD_ERROR = 4120
    SIGNING_FAILED = 4123
    NOT_CONFORMING_QES = 4124
    SAK_OFF = 4125
    CARD_TYPE_FOR_SIGNATURE = 4126
    NO_CARD_FOR_HANDLE = 4131
    EXPIRATION_UNREADABLE = 4132
    CARD_HANDLE_MISSING = 4146
    CERTIFICATE_MISSING = 4147
    CERTIFICATE_UNREADABLE = 4148
    CERTIFICATE_REFERENCE = 4149
    VPN_TI = 4174
    NO_SCHEMA = 4193
    PLACEMENT_IGNORED = 4197
    KEY_NOT_USABLE = 4200
    ALGORITHM = 4201
    CARD_NOT_INSERTED_IN_TIME = 4202
    CARD_NOT_TAKEN = 4203
    CLIENTSYSTEM_NOT_AUTHENTIC = 4204
    PDF_SPACE = 4205
    NO_SIGNER_CERTIFICATE = 4206
    SIGNATURE_PROFILE = 4208
    CARD_TYPE = 4209
    ROLES_AMBIGUOUS = 4210
    TERMINAL_INACTIVE = 4221
    TERMINAL_NOT_CONNECTED = 4222
    CARD_LOCK_MISSING = 4232
    JOB_NUMBER_UNKNOWN = 4243
    JOB_NUMBER_USED = 4252
    NO_SIGNATURE = 4253
    CERTIFICATE_ABSENT = 4256
    ECC_CERTIFICATES_SKIPPED = 4257
    NO_ECC_CERTIFICATE = 4258
    CERTIFICATE_SKIPPED = 4259
    NOT_IN_TRUST_LIST = 4260
    REVOCATION_INFO_UNSUPPORTED = 4261
    PDF_PARTLY_SIGNED = 4262
    COMFORT_OFF = 4263
    CERTIFICATES_IGNORED = 4264
    COMFORT_HANDLE_INVALID = 4265
    COMFORT_NO_SESSION = 4266
    COMFORT_ACTIVATION = 4267
    COMFORT_DEACTIVATION = 4268
    SIGNATURE_MODE = 4269
    USER_ID_USED = 4270
    COMFORT_ABORTED = 4271
    USER_ID_REFUSED = 4272
    PROPERTIES_IGNORED = 4273
    COMFORT_ONLY_HBA = 4274
    COMFORT_PIN_BLOCKED = 4275
    COMFORT_PIN_REJECTED = 4276
    COMFORT_SESSIONS_USED = 4278
    SMIME_UNSUPPORTED = 4279
    DIMENSIONS = 4280
    FORBIDDEN_CONTENT = 4281
    TOO_MANY_RECIPIENTS = 4282
    DOCUMENT_TOO_LARGE = 4283
    PKI_NOT_IN_TIME = 1021
    PKI_BAD_SIGNATURE = 1024
    PKI_CA_MISSING = 1027
    PKI_NO_OCSP = 1032
    PKI_OCSP_SKIPPED = 1039
    PKI_UNKNOWN = 1044
    PKI_REVOKED = 1047


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the catalogue; ``source`` names the document and table that has the text."""

    code: int
    error_type: str
    severity: str
    text: str
    source: str

    @property
    def is_warning(self) -> bool:
        """Whether the operation goes on: such a Trace comes with Result Warning (A_14159)."""
        return self.severity in ("Info", "Warning")


@cache
def catalogue() -> Mapping[int, Entry]:
    """Return every known code; read once from the table that is shipped with the package."""
    found = {entry.code: entry for operation, entry in _rows() if not operation}
    return MappingProxyType(found)


@cache
def variants() -> Mapping[tuple[int, str], Entry]:
    """Return what differs by code and operation: there the tables disagree on type or severity."""
    found = {(entry.code, operation): entry for operation, entry in _rows() if operation}
    return MappingProxyType(found)


def _rows() -> Iterator[tuple[str, Entry]]:
    """Yield the operation that a row of the table is for, empty for all, and the entry."""
    text = resources.files(__package__).joinpath("fault_codes.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        columns = (row["error_type"], row["severity"], row["text"], row["source"])
        yield row["operation"] or "", Entry(int(row["code"]), *columns)


@dataclass(frozen=True, slots=True)
class Trace:
    """An error as it is reported: the catalogue's entry, its text filled in, and the detail.

    ``text`` and ``severity`` of the catalogue can be replaced by a fault on purpose.
    """

    code: int
    text: str
    error_type: str
    severity: str
    detail: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether the operation goes on in spite of it."""
        return self.severity in ("Info", "Warning")

    def at(self, operation: str | None) -> Trace:
        """Return this Trace with the type and severity that the tables of *operation* give it."""
        entry = variants().get((self.code, operation or ""))
        if entry is None:
            return self
        return replace(self, error_type=entry.error_type, severity=entry.severity)


def trace(code: int, detail: str = "", *, value: str = "", text: str | None = None) -> Trace:
    """Return *code* with its catalogue text; *value* takes the place of a ``<…>`` in it.

    A code that the catalogue does not hold (vendors have 10000 to 40999) is given the text of
    4001 unless *text* is given.
    """
    entry = catalogue().get(code) or catalogue()[Code.INTERNAL]
    filled = text if text is not None else entry.text
    for placeholder in _PLACEHOLDERS:
        filled = filled.replace(placeholder, value)
    return Trace(int(code), filled, entry.error_type, entry.severity, detail)


class KonnektorFault(Exception):
    """An operation ends with a SOAP fault whose last Trace is ``trace``."""

    def __init__(self, reported: Trace) -> None:
        super().__init__(f"{reported.code} {reported.text} {reported.detail}".strip())
        self.trace = reported


def fault(code: int, detail: str = "", *, value: str = "") -> KonnektorFault:
    """Return the fault for *code*, to be raised; *detail* tells the developer what is wrong."""
    return KonnektorFault(trace(code, detail, value=value))
