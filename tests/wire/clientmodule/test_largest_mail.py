"""The largest client mail that goes through the Konnektor."""

from __future__ import annotations

import email
import email.policy
import os
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from clientmodule import mime

if TYPE_CHECKING:
    from tests.clientmodule_world import World

LARGEST = 15 * 1024 * 1024


def decoded_size(mail: EmailMessage) -> int:
    content = mail.as_bytes(policy=email.policy.SMTP)
    return mime.decoded_size(content, list(mime.parts(content)))


@pytest.mark.requirement("KOM-LE-A_2004-01")
def test_15_mib_when_decoded(kim: World) -> None:
    """Signed, encrypted, sent, fetched, opened; the attachment is what it was."""
    mail = kim.mail("praxis", "praxis")
    mail.add_attachment(b"", maintype="application", subtype="octet-stream", filename="bild")
    attachment = os.urandom(LARGEST - decoded_size(mail) - 200)
    mail = kim.mail("praxis", "praxis")
    mail.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="b")
    assert LARGEST - 1_000 < decoded_size(mail) <= LARGEST
    kim.send("praxis", "praxis", mail=mail)
    fetched = email.message_from_bytes(kim.fetch("praxis"), policy=email.policy.default)
    assert fetched["X-KIM-IntegrityCheckResult"] == "01"
    assert isinstance(fetched, EmailMessage)
    (received,) = fetched.iter_attachments()
    assert received.get_content() == attachment
