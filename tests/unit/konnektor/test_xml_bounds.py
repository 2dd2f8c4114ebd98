"""TAB_KON_890 and TAB_KON_891: each bound just kept and just broken, and what is no XML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.konnektor.documents import check_xml
from simulators.konnektor.faults import KonnektorFault

DS = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"


def code(document: str | bytes) -> int:
    """Return the code of the fault that the document ends in, 0 without one."""
    try:
        check_xml(document.encode() if isinstance(document, str) else document)
    except KonnektorFault as fault:
        return fault.trace.code
    return 0


def attributes(name: str, count: int) -> str:
    return " ".join(f'{name}{n}="u"' for n in range(count))


def nested(depth: int) -> str:
    return "<a>" * depth + "</a>" * depth


def elements(count: int) -> str:
    """Return a document of *count* elements that keeps all the other bounds."""
    below = count - 1
    rows, rest = divmod(below, 2501)
    leaves = "<r>" + ("<s>" + "<t/>" * 49 + "</s>") * 50 + "</r>"
    assert leaves.count("<") - leaves.count("</") == 2501
    tail = "<r/>" if rest == 1 else ""
    chunks, left = divmod(rest - 1, 50) if rest > 1 else (0, 0)
    if rest > 1:
        tail = "<r>" + ("<s>" + "<t/>" * 49 + "</s>") * chunks
        tail += ("<s>" + "<t/>" * (left - 1) + "</s>" if left else "") + "</r>"
    document = "<a>" + leaves * rows + tail + "</a>"
    assert document.count("<") - document.count("</") == count
    return document


def transforms(*per_reference: int) -> str:
    references = "".join(
        "<ds:Reference><ds:Transforms>"
        + f'<ds:Transform Algorithm="{C14N}"/>' * count
        + "</ds:Transforms></ds:Reference>"
        for count in per_reference
    )
    return f"<a {DS}>{references}</a>"


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        pytest.param(nested(30), nested(31), id="depth"),
        pytest.param(elements(30_000), elements(30_001), id="elements"),
        pytest.param(f"<a {attributes('b', 20)}/>", f"<a {attributes('b', 21)}/>", id="attributes"),
        pytest.param(*(f"<a>{'<b/>' * count}</a>" for count in (50, 51)), id="children"),
        pytest.param(*(f"<{'n' * length}/>" for length in (200, 201)), id="name of an element"),
        pytest.param(
            *(f'<a {"n" * length}=""/>' for length in (200, 201)), id="name of an attribute"
        ),
        pytest.param(transforms(10), transforms(11), id="transforms of a reference"),
        pytest.param(
            transforms(*[10] * 6, 4), transforms(*[10] * 6, 5), id="transforms of a document"
        ),
    ],
)
def test_dimensions(fits: str, too_much: str) -> None:
    assert code(fits) == 0
    assert code(too_much) == 4280


def test_a_node_of_more_than_30_megabytes() -> None:
    """Only in a character set whose letters grow in UTF-8 can a document hold such a one."""
    head = b'<?xml version="1.0" encoding="iso-8859-15"?><a>'
    for count, expected in ((10 << 20, 0), ((10 << 20) + 1, 4280)):
        assert code(head + b"\xa4" * count + b"</a>") == expected  # the euro: three bytes


def test_namespaces_are_bounded_too() -> None:
    crowded = f"<a {attributes('xmlns:p', 800)}/>"
    rows = f"<r>{crowded * 38}</r>"
    assert code(f"<a>{rows}</a>") == 4280


def test_an_element_with_ever_so_many_attributes_is_refused_unread() -> None:
    assert code(f"<a {attributes('b', 300_000)}/>") == 4280


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>',
        '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></a>',
        f'<a {DS}><ds:Reference URI="#xpointer(id(&apos;x&apos;))"/></a>',
        *(
            f'<a {DS}><ds:Transform Algorithm="{algorithm}"/></a>'
            for algorithm in (
                "http://www.w3.org/TR/1999/REC-xpath-19991116",
                "http://www.w3.org/TR/1999/REC-xslt-19991116",
                "http://www.w3.org/2002/06/xmldsig-filter2",
            )
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_forbidden_content(document: str, encoding: str) -> None:
    """In another character set as well, where looking for the words alone would find nothing."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    assert code((head + document).encode(encoding)) == 4281


def test_a_bomb_of_entities_is_not_expanded() -> None:
    levels = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "lol">' for n in range(20)
    )
    assert code(f"<!DOCTYPE a [{levels}]><a>&e19;</a>") == 4281


@pytest.mark.parametrize(
    "document",
    [
        "<a>xpointer( and http://www.w3.org/2001/XInclude are only words here</a>",
        "<a><![CDATA[<!ENTITY x><!DOCTYPE y>]]></a>",
        '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="u v"/>',
        '<a xmlns:xi="http://www.w3.org/2001/XInclude"/>',
        "\ufeff<a/>",
    ],
)
def test_what_only_looks_forbidden(document: str) -> None:
    """A_22923: schemaLocation plays no part."""
    assert code(document) == 0


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a>",
        b"<a/><b/>",
        b"<p:a/>",
        b"<a b='1' b='2'/>",
        b"<a>&unknown;</a>",
        b"\xff\xfe<",
        b"<a>\xff</a>",
        b'<?xml version="1.0" encoding="rot13"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
    ],
)
def test_not_well_formed(document: bytes) -> None:
    assert code(document) == 4022


@given(st.binary(max_size=200))
def test_any_bytes(document: bytes) -> None:
    assert code(document) in (0, 4022, 4280, 4281)


@pytest.mark.parametrize("root", ["<a/>", "<a>x</a>", "<a b='>'>x</a >", "<ä>ö</ä>"])
@pytest.mark.parametrize(
    "around", [("", ""), ("\ufeff", "\n"), ("<!--</x>--><?p?>\n", "<!--<y>-->")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_where_the_root_stands(root: str, around: tuple[str, str], encoding: str) -> None:
    before, after = around
    checked = check_xml((before + root + after).encode(encoding))
    assert bytes(checked.root).decode() == root
    assert checked.with_root(b"<n/>").decode().endswith("<n/>" + after)


def test_a_declaration_in_the_text_is_text() -> None:
    """In UTF-16 there need be none in front, and only that would be replaced."""
    document = "<a><![CDATA[<?xml version='1.0'?>]]></a>"
    assert bytes(check_xml(document.encode("utf-16")).root).decode() == document
