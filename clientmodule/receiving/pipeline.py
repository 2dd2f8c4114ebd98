"""The way of one message from the POP3 server to the client system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulators.formats import komle
from simulators.formats.headers import Headers, split_message

from .. import texts
from . import error_mails
from .decrypt import decrypt
from .error_mails import TRACE
from .integrity import check
from .notes import append_notes
from .results import DECRYPTED, DECRYPTION_HEADER, INTEGRITY_HEADER, NotDecrypted

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..operation import Operation
    from ..user_name import UserName

SUPPORTED_VERSIONS: Final = frozenset({komle.VERSION_PLAIN})
"""A message of version 1.5 lies on a KAS; downloading it belongs to a KAS client."""


@dataclass(frozen=True)
class Fetching:
    """Who fetches, and with which Konnektor."""

    installation: Installation
    konnektor: Konnektor
    user: UserName


async def deliver(fetching: Fetching, operation: Operation, message: bytes) -> bytes:
    """Return what the client system gets for *message*.

    A message without X-KOM-LE-Version comes back unchanged (A_21390, KOM-LE-A_2042). Every
    outcome that the specification names has its mail; any other error is raised, and the message
    stays where it is.
    """
    outer, _ = split_message(message)
    operation.message_id = outer.get("Message-ID")
    if not komle.is_komle(outer):
        operation.event("PassUnchanged", peer="provider")
        return message
    version = (komle.version(outer) or "").strip()
    if version not in SUPPORTED_VERSIONS:
        operation.event("VersionUnsupported", peer="pvs", error=error_mails.VERSION_ERROR)
        return error_mails.unsupported_version(message, version)
    compute = fetching.installation.compute
    try:
        return await _open(fetching, operation, message, outer)
    except NotDecrypted as refusal:
        failure = refusal.failure
        operation.error(f"Decrypt: result {failure.result}")
        operation.event("NotDecrypted", peer="pvs", result=failure.result, error=failure.error)
        return await compute(
            len(message),
            error_mails.not_decrypted,
            message,
            failure,
            fetching.user.address,
        )


async def _open(fetching: Fetching, operation: Operation, message: bytes, outer: Headers) -> bytes:
    installation, konnektor, user = fetching.installation, fetching.konnektor, fetching.user
    decrypted = await decrypt(installation, operation, konnektor, user, message)
    checked = await check(
        installation, operation, konnektor, user, outer=outer, decrypted=decrypted
    )
    operation.event("IntegrityCheck", peer="pvs", results=list(checked.results))
    compute = installation.compute
    if checked.intact:
        return await compute(len(message), _delivered, checked.mail, outer, checked.results[0])
    operation.error(f"IntegrityCheck: results {' '.join(checked.results)}")
    embed = installation.settings.integrity_failure == "embed"
    return await compute(
        len(message),
        error_mails.integrity_failed,
        checked.mail,
        outer,
        checked.results,
        embed=embed,
    )


def _delivered(mail: bytes, outer: Headers, integrity: str) -> bytes:
    """Return the client mail with notes, result headers and the trace of its transport."""
    noted = append_notes(mail, (texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED))
    headers, body = split_message(noted)
    for name in (DECRYPTION_HEADER, INTEGRITY_HEADER, *TRACE):
        headers.remove(name)  # only what this client module found out counts
    headers.append(DECRYPTION_HEADER, DECRYPTED)
    headers.append(INTEGRITY_HEADER, integrity)
    headers.extend(outer.named(*TRACE))
    return headers.to_bytes() + b"\r\n" + body
