"""SignatureService 7.4 and 7.5 side by side.

7.5 has the comfort signature besides, embeds OCSP answers into nonQES signatures too and only such
that are not older than the signature (C_11276), and bounds the ShortText of the verification report
(C_10147). A comfort session, once there, serves SignDocument of both versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..operation import Handler, Service
from ..soap.namespaces import SIGNATURE_7_4, SIGNATURE_7_5
from .comfort_signature import (
    activate_comfort_signature,
    deactivate_comfort_signature,
    get_signature_mode,
)
from .sign_document import sign_document
from .signature_jobs import get_job_number, stop_signature
from .verify_document import verify_document

MAX_ENVELOPE = 352 << 20
"""250 MB of documents in Base64, its line ends and markup."""

_BOTH: Mapping[str, Handler] = MappingProxyType(
    {
        "SignDocument": sign_document,
        "VerifyDocument": verify_document,
        "GetJobNumber": get_job_number,
        "StopSignature": stop_signature,
    }
)
SERVICE_7_4 = Service(
    name="SignatureService",
    version="7.4.2",
    namespace=SIGNATURE_7_4,
    prefix="SIG",
    abstract="Signaturdienst",
    path="/SignatureService/v7.4",
    operations=_BOTH,
    max_envelope=MAX_ENVELOPE,
)
SERVICE_7_5 = Service(
    name="SignatureService",
    version="7.5.6",
    namespace=SIGNATURE_7_5,
    prefix="SIG",
    abstract="Signaturdienst",
    path="/SignatureService/v7.5",
    operations=MappingProxyType(
        {
            **_BOTH,
            "ActivateComfortSignature": activate_comfort_signature,
            "DeactivateComfortSignature": deactivate_comfort_signature,
            "GetSignatureMode": get_signature_mode,
        }
    ),
    max_envelope=MAX_ENVELOPE,
)
