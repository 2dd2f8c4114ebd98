"""Parsing foreign XML: bounded, without entities, network or DTD."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from simulators.process.errors import one_line

MAX_BYTES = 25 << 20
MAX_DEPTH = 64


class NotXml(ValueError):
    """The bytes are no XML that we are willing to read; the message is one German line."""


def parse(content: bytes) -> etree._Element:
    """Return the root of *content*. Raises NotXml for anything but plain, bounded XML."""
    if len(content) > MAX_BYTES:
        raise NotXml(f"größer als {MAX_BYTES} Bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise NotXml(f"kein wohlgeformtes XML: {one_line(error.msg, 160)}") from None
    except ValueError as error:
        raise NotXml(f"kein wohlgeformtes XML: {one_line(str(error), 160)}") from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise NotXml("enthält eine DTD; das ist nicht erlaubt")
    if _deeper_than(root, MAX_DEPTH):
        raise NotXml(f"tiefer als {MAX_DEPTH} Ebenen verschachtelt")
    return root


def texts(root: etree._Element, path: str, names: Mapping[str, str]) -> list[str]:
    """Return the attribute values or texts that the XPath *path* selects."""
    found = root.xpath(path, namespaces=dict(names))
    return [str(value) for value in found] if isinstance(found, list) else [str(found)]


def first_text(root: etree._Element, path: str, names: Mapping[str, str]) -> str | None:
    """Return the first of ``texts``, or None."""
    return next(iter(texts(root, path, names)), None)


def _deeper_than(root: etree._Element, limit: int) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            return True
    return False
