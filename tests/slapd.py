"""Debian's slapd with the entries of a directory, for comparison."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulators.process.settings import TlsIdentity
from simulators.vzd.entries import Entry

BASE = "dc=data,dc=vzd"
SCHEMA = Path("/etc/ldap/schema")
# These are attributes of the directory's own, or have a syntax of their own in OpenLDAP's schema.
OWN_ATTRIBUTES = (
    *("telematikID", "domainID", "professionOID", "specialization", "entryType", "lanr"),
    *("komLeData", "kimData", "maxKOMLEadr", "dataFromAuthority", "personalEntry"),
    *("changeDateTime", "holder", "providedBy", "countryCode", "otherName"),
)
INDEXED = "mail,telematikID,domainID,uid,displayName,postalCode,l"
START_SECONDS = 10


def executable() -> str | None:
    """Return the path of slapd, None where it is not installed."""
    return shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_slapd(
    directory: Path, port: int, entries: Iterable[Entry], *, tls: TlsIdentity | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve *entries* by slapd on *port* while the block runs, with *tls* over TLS."""
    program = executable()
    assert program is not None, "slapd is not installed"
    (directory / "db").mkdir()
    configuration = directory / "slapd.conf"
    configuration.write_text(_configuration(directory, tls), encoding="utf-8")
    with (directory / "entries.ldif").open("w", encoding="utf-8") as file:
        for piece in _ldif(entries):
            file.write(piece)
    subprocess.run(
        [program, "-T", "add", "-q", "-f", configuration, "-l", directory / "entries.ldif"],
        check=True,
        capture_output=True,
    )
    url = f"{'ldap' if tls is None else 'ldaps'}://127.0.0.1:{port}"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-d", "0", "-h", url, "-f", configuration], stdout=log, stderr=log
        )
    try:
        _wait_for(process, port)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when *process* accepts connections at *port*, as it is ready then."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(f"slapd ended with {process.returncode}")


def _configuration(directory: Path, tls: TlsIdentity | None) -> str:
    attributes = "\n".join(
        f"attributetype ( 1.3.6.1.4.1.99999.1.{number} NAME '{name}' EQUALITY caseIgnoreMatch "
        "ORDERING caseIgnoreOrderingMatch SUBSTR caseIgnoreSubstringsMatch "
        "SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
        for number, name in enumerate(OWN_ATTRIBUTES, 1)
    )
    schemas = "\n".join(
        f"include {SCHEMA / name}.schema" for name in ("core", "cosine", "inetorgperson")
    )
    allowed = " $ ".join(
        (*OWN_ATTRIBUTES, "displayName", "cn", "sn", "givenName", "title", "o", "street",
         "postalCode", "l", "st", "mail", "userCertificate")
    )  # fmt: skip
    secure = (
        ""
        if tls is None
        else f"TLSCertificateFile {tls.certificate}\nTLSCertificateKeyFile {tls.key}\n"
    )
    return f"""{schemas}
{attributes}
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'vzd-komleview' SUP top STRUCTURAL MUST uid
 MAY ( {allowed} ) )
pidfile {directory / "pid"}
modulepath /usr/lib/ldap
moduleload back_mdb
{secure}sizelimit unlimited
database mdb
suffix "dc=vzd"
directory {directory / "db"}
maxsize 2147483648
index objectClass eq
index {INDEXED} eq,sub
"""


def _ldif(entries: Iterable[Entry]) -> Iterator[str]:
    for dn in ("dc=vzd", BASE):
        name = dn.partition(",")[0].removeprefix("dc=")
        yield f"dn: {dn}\nobjectClass: top\nobjectClass: domain\ndc: {name}\n\n"
    for entry in entries:
        yield _line("dn", entry.dn)
        for key, values in entry.attributes.items():
            for value in values:
                yield _line(entry.names[key], value)
        for certificate in dict.fromkeys(entry.certificates):
            encoded = base64.b64encode(certificate.der).decode()
            yield f"userCertificate;binary:: {encoded}\n"
        yield "\n"


def _line(name: str, value: str) -> str:
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"
