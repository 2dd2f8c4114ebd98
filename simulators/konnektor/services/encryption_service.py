"""EncryptionService 6.1: EncryptDocument and DecryptDocument."""

from __future__ import annotations

from ..operation import Service
from ..soap.namespaces import ENCRYPTION
from .decrypt_document import decrypt_document
from .encrypt_document import encrypt_document

SERVICE = Service(
    name="EncryptionService",
    version="6.1.1",
    namespace=ENCRYPTION,
    prefix="CRYPT",
    abstract="Verschlüsselungsdienst",
    path="/EncryptionService",
    operations={"EncryptDocument": encrypt_document, "DecryptDocument": decrypt_document},
)
