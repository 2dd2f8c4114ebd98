"""Foreign LDAP clients, OpenLDAP's ldapsearch and ldap3, at the directory and at the proxy."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ldap3
import pytest

from tests import vzd_site
from tests.konnektor_site import site_pki, site_settings
from tests.vzd_site import BASE, DOMAIN


@pytest.fixture(scope="module")
def directory(
    start_role: Callable[..., Any], pki_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    tree = vzd_site.certificates(pki_cache)
    place = tmp_path_factory.mktemp("entries")
    records = [*vzd_site.ENTRIES, *vzd_site.many(120)]
    return start_role("simulators.vzd", vzd_site.settings(tree, place, records))


@pytest.fixture(scope="module")
def proxy(start_role: Callable[..., Any], pki_cache: Path, directory: Any) -> Any:
    host, port = directory.address("ldap")
    upstream = {
        "url": f"ldaps://{host}:{port}",
        "ca": str(vzd_site.certificates(pki_cache).ca),
    }
    settings = site_settings(site_pki(pki_cache), ocsp_url=None)
    settings |= {"vzd": upstream, "listeners": {"soap": {}, "ldap": {}}, "authentication": "tls"}
    return start_role("simulators.konnektor", settings)


@pytest.fixture(scope="module", params=["vzd", "konnektor"])
def server(request: pytest.FixtureRequest, pki_cache: Path) -> tuple[str, Path]:
    """Return the URL of a server and the trust for it: the directory, and through the proxy."""
    at_proxy = request.param == "konnektor"
    role = request.getfixturevalue("proxy" if at_proxy else "directory")
    tree = site_pki(pki_cache) if at_proxy else vzd_site.certificates(pki_cache)
    host, port = role.address("ldap")
    return f"ldaps://{host}:{port}", tree.ca


@pytest.fixture
def ldapsearch(
    tool: Callable[[str], str], server: tuple[str, Path]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ldapsearch with more arguments, without line folding."""
    program = tool("ldapsearch")
    url, ca = server

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "-x", "-LLL", "-o", "ldif-wrap=no", "-H", url, *arguments],
            env={**os.environ, "LDAPTLS_CACERT": str(ca)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    return run


def test_ldapsearch_finds_by_mail(ldapsearch: Any) -> None:
    found = ldapsearch("-b", BASE, f"(mail=KASSE@{DOMAIN})", "mail", "userCertificate")
    assert found.returncode == 0, found.stderr
    assert f"dn: uid=kasse,{BASE}" in found.stdout
    assert f"mail: kasse@{DOMAIN}" in found.stdout
    assert "userCertificate;binary:: MII" in found.stdout


def test_ldapsearch_finds_umlauts(ldapsearch: Any) -> None:
    found = ldapsearch("-b", BASE, "(displayName=praxis*MÜLLER*)", "uid")
    assert "uid: praxis" in found.stdout


def test_ldapsearch_meets_the_limit(ldapsearch: Any) -> None:
    found = ldapsearch("-b", BASE, "(displayName=Viele*)", "1.1")
    assert (found.returncode, found.stdout.count("dn: ")) == (4, 100)


def test_ldapsearch_gets_everything_in_pages(ldapsearch: Any) -> None:
    found = ldapsearch("-b", BASE, "-E", "pr=50/noprompt", "(displayName=Viele*)", "1.1")
    assert (found.returncode, found.stdout.count("dn: ")) == (0, 120)


def test_ldapsearch_reads_the_root_dse(ldapsearch: Any) -> None:
    found = ldapsearch("-b", "", "-s", "base", "(objectClass=*)", "+")
    assert "namingContexts: dc=vzd" in found.stdout
    assert "supportedControl: 1.2.840.113556.1.4.319" in found.stdout


def test_ldapsearch_is_refused_start_tls_and_a_password(ldapsearch: Any) -> None:
    assert ldapsearch("-ZZ", "-b", BASE, "(cn=*)").returncode != 0
    refused = ldapsearch("-D", "cn=admin", "-w", "x", "-b", BASE, "(cn=*)")
    assert refused.returncode in (49, 53)


@pytest.mark.parametrize(
    ("program", "arguments", "content"),
    [
        ("ldapdelete", [f"uid=kasse,{BASE}"], ""),
        ("ldapmodify", [], f"dn: uid=kasse,{BASE}\nchangetype: modify\nreplace: sn\nsn: x\n"),
        ("ldapcompare", [f"uid=kasse,{BASE}", "uid:kasse"], ""),
    ],
)
def test_openldap_tools_are_refused_other_operations(
    tool: Callable[[str], str],
    server: tuple[str, Path],
    program: str,
    arguments: list[str],
    content: str,
) -> None:
    url, ca = server
    refused = subprocess.run(
        [tool(program), "-x", "-H", url, *arguments],
        env={**os.environ, "LDAPTLS_CACERT": str(ca)},
        input=content,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "(53)" in refused.stdout + refused.stderr


@pytest.fixture
def connection(server: tuple[str, Path]) -> Iterator[Any]:
    url, ca = server
    trust = ldap3.Tls(ca_certs_file=str(ca), validate=ssl.CERT_REQUIRED)
    with ldap3.Connection(ldap3.Server(url, tls=trust, get_info=ldap3.DSA)) as opened:
        yield opened


def test_ldap3_reads_what_the_server_is(connection: Any) -> None:
    assert connection.server.info.naming_contexts == ["dc=vzd"]
    assert connection.bound


def test_ldap3_finds_with_escaped_characters(connection: Any) -> None:
    from ldap3.utils.conv import escape_filter_chars

    name = escape_filter_chars("Praxis Dr. Müller-Weiß")
    assert connection.search(BASE, f"(displayName={name})", attributes=["*", "+"])
    (entry,) = connection.entries
    assert entry.entry_dn == f"uid=praxis,{BASE}"
    assert f"labor@{DOMAIN}" in entry["mail"].values
    assert not connection.search(BASE, "(displayName=*\\29\\28*)")


def test_ldap3_pages(connection: Any) -> None:
    found = connection.extend.standard.paged_search(
        BASE, "(displayName=Viele*)", attributes=["displayName"], paged_size=40, generator=False
    )
    names = sorted(entry["attributes"]["displayName"][0] for entry in found)
    assert names == [f"Viele {number:04d}" for number in range(120)]
