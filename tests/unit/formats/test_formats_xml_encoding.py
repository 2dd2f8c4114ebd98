"""What a document says of its character set is understood once, by whoever reads it first."""

from __future__ import annotations

import pytest

from simulators.formats.errors import FormatError
from simulators.formats.xml_canonical import canonical, parse
from simulators.formats.xml_encoding import in_utf8

FAR = " " * 300
"""More room than the declaration of an honest document takes before its encoding."""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "windows-1252", "utf-16"])
def test_documents_in_other_character_sets(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>Größe</a>'
    assert canonical(parse(text.encode(encoding))).decode() == "<a>Größe</a>"


@pytest.mark.parametrize("encoding", ["UTF-7", "IBM037", "shift_jis", "zlib", "idna"])
def test_others_are_refused(encoding: str) -> None:
    with pytest.raises(FormatError):
        in_utf8(f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode())


def test_bytes_that_do_not_fit() -> None:
    with pytest.raises(FormatError):
        in_utf8(b'<?xml version="1.0" encoding="utf-16"?><a/>')


def test_markup_hidden_in_another_character_set_stays_text() -> None:
    # only to a parser that follows the declaration is there an element b
    document = f'<?xml version="1.0"{FAR}encoding="UTF-7"?><a>+ADw-b/+AD4-</a>'.encode()
    assert canonical(parse(document)) == b"<a>+ADw-b/+AD4-</a>"
