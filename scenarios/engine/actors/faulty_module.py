"""A client module that does it wrong: what no right one lets out, sent to the provider itself.

It logs in with the participant's account and PKCS#12, so that an insurer can meet KIM messages
without signature, with a broken one, or encrypted for somebody else (codes 301 to 314).
"""

from __future__ import annotations

import smtplib
import ssl

from cryptography import x509

from simulators.formats import enveloped_data, komle, recipient_emails, signed_data
from simulators.process import tls
from simulators.process.ldap import escape_filter

from ..documents.mails import Mail
from ..pvs.konnektor import CMS
from ..pvs.mail import TIMEOUT_SECONDS, Reply
from ..scenario.failure import StepFailed
from ..scenario.model import ModuleFlaw
from .party import Party, konnektor_failures

_ALTERED = (b"X-KIM-Support:", b"X-KIM-Supporx:")
"""What is changed in a mail after it was signed: a word that carries no meaning."""


def send_wrongly(party: Party, mail: Mail, recipient: str, flaw: ModuleFlaw) -> Reply:
    """Send *mail* to *recipient* with *flaw*; return the provider's last reply.

    Raises StepFailed when the Konnektor, the directory or the provider cannot be used.
    """
    entity = _entity(party, mail, flaw)
    reader = party.address if flaw == "foreign-key" else recipient
    certificates = [(reader, one) for one in _certificates(party, reader)]
    if not certificates:
        raise StepFailed(f"{reader}: das Verzeichnis nennt kein Zertifikat")
    cms = enveloped_data.encrypt(
        entity,
        [one for _, one in certificates],
        unauthenticated=[recipient_emails.attribute(certificates)],
    )
    if flaw == "wrong-encryption":
        cms = entity  # the header announces AuthEnvelopedData, the body is none
    outer = komle.outer_message(mail.content, cms, version=komle.VERSION_PLAIN, extra={})
    return _submit(party, recipient, outer)


def altered(signature: bytes, content: tuple[bytes, bytes]) -> bytes:
    """Return a CMS with its content changed and nothing else.

    *content* is what is replaced by what, of the same length; raises StepFailed if it is not in.
    """
    old, new = content
    if old not in signature:
        raise StepFailed("die Signatur enthält das Dokument nicht lesbar")
    return signature.replace(old, new, 1)


def _entity(party: Party, mail: Mail, flaw: ModuleFlaw) -> bytes:
    """Return what is encrypted: the signed mail, unless that is what is wrong."""
    inner = komle.wrap_client_mail(mail.content)
    if flaw == "unsigned":
        return inner
    if flaw == "broken-signature":
        return komle.signed_entity(inner)  # says that it is signed-data, but is no CMS
    card = party.card("SMC-B")
    crypt = "RSA" if party.generation(card) == "G2.0" else "ECC"
    with konnektor_failures():
        signature = party.konnektor.sign(
            card, inner, type_=CMS, mime="application/pkcs7-mime", text="KIM-Nachricht", crypt=crypt
        )
    signed_data.read(signature, verify=False)
    return komle.signed_entity(altered(signature, _ALTERED) if flaw == "altered" else signature)


def _certificates(party: Party, address: str) -> list[x509.Certificate]:
    entries = party.search(f"(mail={escape_filter(address)})")
    return [
        x509.load_der_x509_certificate(der)
        for entry in entries
        for der in entry.values("userCertificate")
    ]


def _submit(party: Party, recipient: str, message: bytes) -> Reply:
    address, password = party.participant.address, party.participant.password
    provider = party.endpoints.providers.get(address.rpartition("@")[2])
    if provider is None:
        raise StepFailed(f"{address}: der Anbieter läuft in dieser Welt nicht")
    host, _, port = provider.smtp.rpartition(":")
    try:
        with smtplib.SMTP_SSL(
            host, int(port), timeout=TIMEOUT_SECONDS, context=_tls(party)
        ) as client:
            client.ehlo()
            client.login(address, password)
            for code, text in (client.mail(address), client.rcpt(recipient)):
                if not 200 <= code < 300:
                    return Reply(code, text.decode("utf-8", "replace"))
            code, text = client.data(message)
            return Reply(code, text.decode("utf-8", "replace"))
    except smtplib.SMTPResponseException as error:
        return Reply(error.smtp_code, str(error.smtp_error))
    except (OSError, smtplib.SMTPException) as error:
        raise StepFailed(f"SMTP {provider.smtp}: {error}") from None


def _tls(party: Party) -> ssl.SSLContext:
    context = tls.client_context(party.ca)
    if party.participant.kim_certificate is not None:
        file = party.endpoints.file(party.participant.kim_certificate)
        tls.load_pkcs12(context, file, party.participant.kim_certificate_password or "")
    return context
