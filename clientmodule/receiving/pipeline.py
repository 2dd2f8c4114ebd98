"""The way of one message from the POP3 server to the client system."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulators.formats import komle
from simulators.formats.headers import Headers, split_message

from . import error_mails, large_mail
from .decrypt import decrypt
from .delivered import delivered
from .integrity import check
from .restored import RestoredMail
from .results import NotDecrypted, NotRestored

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..operation import Operation
    from ..user_name import UserName
    from .integrity import Checked

SUPPORTED_VERSIONS: Final = frozenset({komle.VERSION_PLAIN, komle.VERSION_KAS})


@dataclass(frozen=True)
class Fetching:
    """Who fetches, and with which Konnektor; ``gone`` is done when the client system is."""

    installation: Installation
    konnektor: Konnektor
    user: UserName
    gone: asyncio.Future[None]


async def deliver(fetching: Fetching, operation: Operation, message: bytes) -> bytes | RestoredMail:
    """Return what the client system gets for *message*; a large mail is to be closed.

    A message without X-KOM-LE-Version comes back unchanged (A_21390, KOM-LE-A_2042). Every
    outcome that the specification names has its mail; any other error is raised, and the message
    stays where it is.
    """
    compute = fetching.installation.compute
    outer, _ = await compute(len(message), split_message, message)
    operation.message_id = outer.get("Message-ID")
    if not komle.is_komle(outer):
        operation.event("PassUnchanged", peer="provider")
        return message
    version = (komle.version(outer) or "").strip()
    if version not in SUPPORTED_VERSIONS:
        operation.event("VersionUnsupported", peer="pvs", error=error_mails.VERSION_ERROR)
        return await compute(len(message), error_mails.unsupported_version, message, version)
    try:
        await large_mail.require_enabled(fetching, operation, large_mail.announced_size(outer))
        return await _open(fetching, operation, message, outer)
    except NotRestored as refusal:
        _not_restored(operation, refusal)
        return await compute(
            len(message),
            error_mails.not_restored,
            message,
            refusal.failure,
            fetching.user.address,
        )
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


async def _open(
    fetching: Fetching, operation: Operation, message: bytes, outer: Headers
) -> bytes | RestoredMail:
    """Return the opened message. Raises NotDecrypted, NotRestored."""
    installation, konnektor, user = fetching.installation, fetching.konnektor, fetching.user
    decrypted = await decrypt(installation, operation, konnektor, user, message)
    checked = await check(
        installation,
        operation,
        konnektor,
        user,
        outer=outer,
        decrypted=decrypted,
        size=len(message),
    )
    operation.event("IntegrityCheck", peer="pvs", results=list(checked.results))
    if checked.intact:
        return await _intact(fetching, operation, outer, checked)
    operation.error(f"IntegrityCheck: results {' '.join(checked.results)}")
    embed = installation.settings.integrity_failure == "embed"
    return await installation.compute(
        len(message),
        error_mails.integrity_failed,
        checked.mail,
        outer,
        checked.results,
        embed=embed,
    )


async def _intact(
    fetching: Fetching, operation: Operation, outer: Headers, checked: Checked
) -> bytes | RestoredMail:
    """Return the mail with notes, a large one from its KAS (A_19367).

    Raises NotRestored where the report holds the message as it came.
    """
    compute, result = fetching.installation.compute, checked.results[0]
    if (komle.version(outer) or "").strip() == komle.VERSION_KAS:
        try:
            restored = await large_mail.restore(fetching, operation, outer, checked)
        except NotRestored as refusal:
            if refusal.failure.subject is not None:
                raise
            _not_restored(operation, refusal)
            mail, failure = checked.mail, refusal.failure
            return await compute(
                len(mail), error_mails.without_mail_data, mail, outer, result, failure
            )
        if restored is not None:
            return restored
    return await compute(len(checked.mail), delivered, checked.mail, outer, result)


def _not_restored(operation: Operation, refusal: NotRestored) -> None:
    operation.error(f"LargeMail: {refusal.failure.error}")
    operation.event("NotRestored", peer="pvs", error=refusal.failure.error)
