"""LDAP over asyncio: messages, filters, a client, and the carrier that servers build on.

Why neither Twisted's transport nor ldaptor's codec, measured on two cores, Python 3.11:

- Twisted's reactor with pyOpenSSL costs each process 0.12-0.3 s at the start and 24 MB; asyncio
  and ``ssl`` are there anyway.
- ldaptor's decoder copies what is left after each element and computes with numbers of any
  length: 1 MiB of small elements holds it for 6 s, one INTEGER of 500 kB for 30 s. It prints
  unknown elements and leaves them out, and takes constructed for primitive. A guard in front of
  it has to read everything that it reads.
- It reads a search request in 74 us, writes an entry in 234 us and reads one in 504 us, this
  package in 16, 76 and 77 us; and here an answer that is encoded can be kept, and is passed
  through the Konnektor's proxy as it is.

The tests compare with ldaptor's encoder, and with OpenLDAP's tools and ldap3.
"""

from .client import LdapClient
from .entry import LdapEntry, SearchResult
from .filter_text import FilterError, escape_filter, parse_filter
from .messages import Scope
from .results import LdapError, LdapRefused, LdapUnreachable, ResultCode

__all__ = [
    "FilterError",
    "LdapClient",
    "LdapEntry",
    "LdapError",
    "LdapRefused",
    "LdapUnreachable",
    "ResultCode",
    "Scope",
    "SearchResult",
    "escape_filter",
    "parse_filter",
]
