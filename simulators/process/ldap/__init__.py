"""LDAP over asyncio: messages, filters, a client, and the carrier that servers build on."""

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
