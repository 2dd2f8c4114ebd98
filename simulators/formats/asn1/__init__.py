"""ASN.1 as CMS needs it: DER written, BER and DER read, big values not copied on the way.

A general library builds an object for every field; a mail holds some hundred of them, which
costs more than its cryptography. So values are written by joining bytes, and read as views
into the message that are taken apart only where somebody looks.

Every read is bounded: bytes, nesting depth, number of elements. Malformed input is a
FormatError, whatever it is.
"""

from .reading import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    Element,
    Fields,
    parse,
)
from .tags import (
    BIT_STRING,
    BMP_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    IA5_STRING,
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OCTET_STRINGS,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTC_TIME,
    UTF8_STRING,
    context,
    primitive,
)
from .writing import (
    Buffer,
    enclose,
    encode,
    integer,
    null,
    octet_string,
    oid,
    retag,
    sequence,
    set_of,
    time,
)

__all__ = [
    "BIT_STRING",
    "BMP_STRING",
    "BOOLEAN",
    "GENERALIZED_TIME",
    "IA5_STRING",
    "INTEGER",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "NULL",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "OCTET_STRINGS",
    "PRINTABLE_STRING",
    "SEQUENCE",
    "SET",
    "UTC_TIME",
    "UTF8_STRING",
    "Buffer",
    "Element",
    "Fields",
    "context",
    "enclose",
    "encode",
    "integer",
    "null",
    "octet_string",
    "oid",
    "parse",
    "primitive",
    "retag",
    "sequence",
    "set_of",
    "time",
]
