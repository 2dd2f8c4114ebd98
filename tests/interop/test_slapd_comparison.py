"""The same filters at OpenLDAP's slapd and at the directory must find the same entries.

Left out is what OpenLDAP does otherwise than the RFCs or leaves to its schema: ``~=`` (sounds
alike), ``ß`` (RFC 3454 folds it to ss, OpenLDAP leaves it), the order of attributes for which its
schema names no rule, spaces at the ends of parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulators.process.ldap.filter_text import format_filter
from simulators.process.ldap.filters import (
    And,
    AtLeast,
    AtMost,
    Equal,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
)
from simulators.vzd.certificates import read_certificate
from simulators.vzd.entries import Entry
from simulators.vzd.generated.generator import KINDS, Plan, generate
from tests import vzd_site
from tests.slapd import BASE, executable, running_slapd

COUNT = 95 + 120
DOMAIN = "kv.dox.kim.telematik-test"
NAMES = (
    *("mail", "MAIL", "displayName", "cn", "sn", "surname", "givenName", "title", "uid"),
    *("o", "organizationName", "street", "streetAddress", "postalCode", "l", "localityName", "st"),
    *("telematikID", "domainID", "professionOID", "entryType", "komLeData", "kimData"),
    "inventedName",
)
ORDERED = ("telematikID", "domainID", "entryType", "kimData", "holder")


@dataclass(frozen=True)
class Pair:
    """Connections to the directory and to slapd that hold the same entries."""

    ours: Any = field(repr=False)
    theirs: Any = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)


@pytest.fixture(scope="module")
def pair(
    start_role: Callable[..., Any],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
) -> Iterator[Pair]:
    if executable() is None:
        reason = "slapd is not installed (Debian has it as a package)"
        if os.environ.get("KIMULATOR_TOOLS_EXPECTED"):
            pytest.fail(reason)
        pytest.skip(reason)
    tree = vzd_site.certificates(pki_cache)
    certificate = tree.tls("vzd").certificate
    plan = {
        "count": COUNT,
        "domains": [DOMAIN],
        "certificates": {kind: [str(certificate)] * 2 for kind in KINDS},
    }
    vzd = start_role(
        "simulators.vzd",
        vzd_site.settings(
            tree,
            tmp_path_factory.mktemp("entries"),
            [],
            generated=plan,
            size_limit=COUNT,
        ),
    )
    certificates = dict.fromkeys(KINDS, (read_certificate(certificate),) * 2)
    listed = generate(Plan(COUNT, 1, [DOMAIN], certificates, BASE, "2026-01-01T00:00:00Z"))
    # An entry without certificate is not found; slapd does not know that.
    found = tuple(one for one in listed if one.certificates)
    with (
        running_slapd(tmp_path_factory.mktemp("slapd"), port := free_port(), found),
        ldap3.Connection(ldap3.Server(f"ldap://127.0.0.1:{port}", get_info=ldap3.NONE)) as theirs,
        ldap3.Connection(
            ldap3.Server("ldaps://{}:{}".format(*vzd.address("ldap")), get_info=ldap3.NONE)
        ) as ours,
    ):
        yield Pair(ours, theirs, found)


def uids(connection: Any, text: str) -> list[str]:
    connection.search(BASE, text, attributes=["1.1"], paged_size=None)
    assert connection.result["result"] == 0, (text, connection.result)
    dns = (entry["dn"] for entry in connection.response if entry["type"] == "searchResEntry")
    return sorted(dn for dn in dns if dn.startswith("uid="))


VALUES = st.deferred(lambda: st.sampled_from(_values()))


def _values() -> list[str]:
    """Return values that occur, and a few that do not."""
    listed = generate(Plan(COUNT, 1, [DOMAIN], {}, BASE, "2026-01-01T00:00:00Z"))
    values = {value for one in listed for values in one.attributes.values() for value in values}
    plain = [value for value in values if "ß" not in value and "ss" not in value.lower()]
    return [*sorted(plain), "nichts", "*", "(", "\\", "MÜNSTER", "münster"]


def cut(value: str, start: int, stop: int) -> str:
    """Return a part of *value* without spaces at its ends; the first character at least."""
    part = value[start % len(value) :][: stop % 6 + 1].strip()
    return part or value[:1]


PARTS = st.builds(cut, VALUES, st.integers(0, 40), st.integers(0, 5)).map(str.encode)
ITEMS: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Equal, st.sampled_from(NAMES), VALUES.map(str.encode)),
    st.builds(Present, st.sampled_from([*NAMES, "userCertificate", "userCertificate;binary"])),
    *(
        st.builds(kind, st.sampled_from(ORDERED), VALUES.map(str.encode))
        for kind in (AtLeast, AtMost)
    ),
    st.builds(
        Substrings,
        st.sampled_from([name for name in NAMES if name != "userCertificate"]),
        st.none() | PARTS,
        st.lists(PARTS, min_size=1, max_size=2).map(tuple),
        st.none() | PARTS,
    ),
)
FILTERS = st.recursive(
    ITEMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


@seed(1)
@settings(
    max_examples=200,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=FILTERS)
def test_filters_find_the_same(pair: Pair, content: Filter) -> None:
    text = format_filter(content)
    assert uids(pair.ours, text) == uids(pair.theirs, text)


def test_every_value_finds_its_entry_at_both(pair: Pair) -> None:
    from ldap3.utils.conv import escape_filter_chars

    for entry in pair.entries[::25]:
        for key in ("mail", "displayname", "telematikid", "kimdata"):
            text = f"({entry.names[key]}={escape_filter_chars(entry.value(key))})"
            ours = uids(pair.ours, text)
            assert entry.dn in ours
            assert ours == uids(pair.theirs, text)
