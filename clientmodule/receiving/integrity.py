"""The integrity check: signature, headers, recipient-emails (KOM-LE-A_2048-01)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.formats import komle, recipient_emails, signed_data
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message
from simulators.formats.recipient_emails import RecipientEmail, same_recipients

from ..konnektor import operations, requests
from ..konnektor.faults import NOT_AVAILABLE, KonnektorFault, KonnektorUnreachable
from .results import (
    HEADERS_DIFFER,
    INTACT,
    INTACT_UNCHECKED,
    INTEGRITY_CODES,
    KONNEKTOR_UNAVAILABLE,
    NO_SIGNATURE,
    OTHER_FAULT,
    RECIPIENTS_DIFFER,
    NotDecrypted,
)

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..konnektor.operations import SignatureVerdict
    from ..operation import Operation
    from ..user_name import UserName
    from .decrypt import Decrypted

WRONG_SIGNATURE_FORMAT = "04"
VIOLATED = "02"


@dataclass(frozen=True)
class Checked:
    """The signed content and the results of the check, ``01`` or ``07`` alone if all is well.

    ``mail`` is the client mail, or the decrypted entity where none could be found in it.
    """

    mail: bytes
    results: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Tell whether the mail may be delivered."""
        return self.results in ((INTACT,), (INTACT_UNCHECKED,))


@dataclass(frozen=True)
class _Signed:
    """The signed mail, and what of it is other than outside (08, 09)."""

    mail: bytes
    differing: tuple[str, ...]


async def check(
    installation: Installation,
    operation: Operation,
    konnektor: Konnektor,
    user: UserName,
    *,
    outer: Headers,
    decrypted: Decrypted,
    size: int,
) -> Checked:
    """Check what was decrypted of a message of *size* bytes.

    Raises NotDecrypted when the Konnektor does not answer.
    """
    compute = installation.compute
    entity = decrypted.entity
    try:
        cms = await compute(size, komle.signed_cms, entity)
    except FormatError:
        return Checked(entity, (NO_SIGNATURE,))
    try:
        signed = await compute(size, _open, cms, outer, decrypted.recipients)
    except FormatError:
        return Checked(entity, (WRONG_SIGNATURE_FORMAT,))
    request = await compute(len(cms), requests.signature, cms)
    try:
        verdict = await operations.verify_document(konnektor.soap, operation, user.context, request)
        result = result_of(verdict)
    except KonnektorUnreachable as error:
        raise NotDecrypted(KONNEKTOR_UNAVAILABLE) from error
    except KonnektorFault as fault:
        if fault.code in NOT_AVAILABLE:
            raise NotDecrypted(KONNEKTOR_UNAVAILABLE) from fault
        result = INTEGRITY_CODES.get(fault.code, OTHER_FAULT)
    verified = () if result in (INTACT, INTACT_UNCHECKED) else (result,)
    return Checked(signed.mail, (*verified, *signed.differing) or (result,))


def result_of(verdict: SignatureVerdict) -> str:
    """Return X-KIM-IntegrityCheckResult for a verdict of VerifyDocument (Tab_Verm_Sig_Prüf)."""
    known = [INTEGRITY_CODES[code] for code in verdict.codes if code in INTEGRITY_CODES]
    if verdict.result == "INVALID":
        failed = [result for result in known if result != INTACT_UNCHECKED]
        return failed[0] if failed else OTHER_FAULT if verdict.codes else VIOLATED
    if verdict.result == "INCONCLUSIVE":
        failed = [result for result in known if result != INTACT_UNCHECKED]
        return failed[0] if failed else INTACT_UNCHECKED
    return INTACT_UNCHECKED if INTACT_UNCHECKED in known else INTACT


def _open(cms: bytes, outer: Headers, recipients: frozenset[RecipientEmail]) -> _Signed:
    """Read what is signed and compare it with what stands outside. Raises FormatError."""
    signed = signed_data.read(cms, verify=False)  # VerifyDocument does
    if signed.content is None or len(signed.signers) != 1:
        raise FormatError("not one signature around the mail")
    mail = komle.client_mail(signed.content)
    inner, _ = split_message(mail)
    differing = [HEADERS_DIFFER] if komle.differing_headers(outer, inner) else []
    values = signed.signers[0].attributes.get(recipient_emails.OID)
    if values is None or not same_recipients(recipient_emails.read(values), recipients):
        differing.append(RECIPIENTS_DIFFER)
    return _Signed(mail, tuple(differing))
