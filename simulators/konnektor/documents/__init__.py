"""Documents in requests: their form, their bounds, what they may not hold (4280, 4281, 4283)."""

from .document import MAX_DOCUMENT, MAX_STACK, Document, Kind, read_document, take_all
from .formats import check_format, text_of
from .properties import is_der_sequence, read_cms_attributes
from .xml_bounds import Checked, check_xml

__all__ = [
    "MAX_DOCUMENT",
    "MAX_STACK",
    "Checked",
    "Document",
    "Kind",
    "check_format",
    "check_xml",
    "is_der_sequence",
    "read_cms_attributes",
    "read_document",
    "take_all",
    "text_of",
]
