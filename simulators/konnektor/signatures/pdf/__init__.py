"""PDFs, read and signed by a process of their own: hostile ones cost time without end."""

from .embedded import EmbeddedSignature
from .reader import PdfReader

__all__ = ["EmbeddedSignature", "PdfReader"]
