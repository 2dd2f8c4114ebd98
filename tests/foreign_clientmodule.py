"""A client module of someone else, in a world that runs: what it sends is made here."""

from __future__ import annotations

import email
import email.policy
import hashlib
import http.client
import json
import os
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulators.formats import enveloped_data, komle, recipient_emails, signed_data
from simulators.formats.headers import split_message
from simulators.formats.kas_part import SIZE_HEADER, KasPart, small_mail
from simulators.process.tls import client_context, load_pkcs12
from tests.kas_client import KIND, attachment, basic, fields, form

if TYPE_CHECKING:
    from tests.clientmodule_world import World


@dataclass(frozen=True)
class Sealed:
    """Mail data as they lie on a KAS, and what the structure x-kas says of them."""

    content: bytes
    part: KasPart


def sealed(mail: bytes) -> Sealed:
    """Seal *mail* under a fresh key; it has no link yet."""
    key, iv = AESGCM.generate_key(256), os.urandom(12)
    content = iv + AESGCM(key).encrypt(iv, mail, None)
    return Sealed(
        content, KasPart("https://nowhere", key, hashlib.sha256(mail).digest(), len(mail))
    )


class ForeignClientModule:
    """A client module of someone else at the address of ``praxis``, writing to *who*.

    Each step of the profile can be made differently; without a change all is well.
    """

    def __init__(self, kim: World, who: str = "kasse") -> None:
        self.kim, self.who = kim, who
        self.sender, self.recipient = kim.address("praxis"), kim.address(who)
        names = ("praxis", who)
        encryption = [(name, kim.certificates(name, "C.ENC")["ECC"]) for name in names]
        self.certificates = [one.certificate for _, one in encryption]
        self.emails = [(kim.address(who), one.certificate) for who, one in encryption]
        self.signer = kim.certificates("praxis", "C.SIG")["ECC"]

    def mail(self, *fields: str) -> bytes:
        given = fields or (f"From: {self.sender}", f"To: {self.recipient}")
        return "\r\n".join(
            (*given, "Subject: Befund", "Message-ID: <1@x>", "", "Hallo", "")
        ).encode()

    def signed(self, mail: bytes, *, emails: list[str] | None = None, wrap: bool = True) -> bytes:
        named = self.emails
        if emails is not None:
            named = [(a, c) for a, (_, c) in zip(emails, self.emails, strict=False)]
        return komle.signed_entity(
            signed_data.sign(
                komle.wrap_client_mail(mail) if wrap else mail,
                signed_data.key_signer(self.signer.certificate, self.signer.private_key),
                signing_time=datetime.now(UTC),
                attributes=[recipient_emails.attribute(named)] if named else [],
            )
        )

    def message(
        self,
        entity: bytes,
        *,
        mail: bytes | None = None,
        named: bool = True,
        version: str = komle.VERSION_PLAIN,
        extra: Mapping[str, str] | None = None,
    ) -> bytes:
        cms = enveloped_data.encrypt(
            entity,
            self.certificates,
            unauthenticated=[recipient_emails.attribute(self.emails)] if named else [],
        )
        return komle.outer_message(mail or self.mail(), cms, version=version, extra=extra or {})

    def upload(self, content: bytes) -> str:
        """Put *content* on the KAS of the sender's provider; return its link."""
        access = self.kim.endpoints.participants["praxis"]
        url = self.kim.endpoints.providers[access.address.rpartition("@")[2]].kas
        assert url is not None
        place = urlsplit(f"{url}/attachment/")
        connection = http.client.HTTPSConnection(place.netloc, context=self.tls(), timeout=20)
        try:
            body = form([*fields([self.recipient]), attachment(content)])
            headers = {**basic(self.sender, access.password), "Content-Type": KIND}
            connection.request("POST", place.path, body, headers)
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            return str(json.loads(answer.read())["sharedLink"])
        finally:
            connection.close()

    def large(self, mail: bytes, part: KasPart, **outer: str) -> bytes:
        """Return the message for a large *mail* whose data are where *part* says."""
        small = small_mail(split_message(mail)[0], part)
        given = outer or {SIZE_HEADER: str(part.size)}
        return self.message(self.signed(small), mail=mail, version=komle.VERSION_KAS, extra=given)

    def uploaded(self, mail: bytes) -> KasPart:
        """Seal and upload *mail*."""
        made = sealed(mail)
        return replace(made.part, link=self.upload(made.content))

    def tls(self) -> ssl.SSLContext:
        """Return TLS with the certificate of the sender's account."""
        access = self.kim.endpoints.participants["praxis"]
        assert access.kim_certificate is not None
        context = client_context(self.kim.directory / "ca.pem")
        load_pkcs12(
            context,
            self.kim.directory / access.kim_certificate,
            access.kim_certificate_password or "",
        )
        return context

    def send(self, message: bytes) -> None:
        """Hand *message* to the provider as it is."""
        access = self.kim.endpoints.participants["praxis"]
        host, _, port = self.kim.user("praxis")[0].split("#")[1].rpartition(":")
        with smtplib.SMTP_SSL(host, int(port), context=self.tls(), timeout=10) as smtp:
            smtp.login(self.sender, access.password)
            smtp.sendmail(self.sender, [self.recipient], message)

    def fetched(self, message: bytes) -> EmailMessage:
        """Return what the recipient gets for *message*."""
        self.send(message)
        result = email.message_from_bytes(self.kim.fetch(self.who), policy=email.policy.default)
        assert isinstance(result, EmailMessage)
        return result


def results(mail: EmailMessage) -> tuple[str | None, list[str], list[str]]:
    return (
        mail["X-KIM-DecryptionResult"],
        mail.get_all("X-KIM-IntegrityCheckResult", []),
        mail.get_all("X-KIM-Fehlermeldung", []),
    )


def text_of(mail: EmailMessage) -> str:
    part = mail.get_payload(0) if mail.is_multipart() else mail
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).strip()
