"""The table of all requirements: where they are implemented, which test proves them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulators.formats.requirements import requirements

from .proofs import ROOT, proofs
from .sources import implementations

TABLE = ROOT / "docs" / "requirements.md"
NOT_APPLICABLE = Path(__file__).with_name("not_applicable.csv")
COMMAND = "python -m tests.requirements"
HEADING = f"""\
# Requirements of the client module

Every id of the specifications of the client module and of its S/MIME profile: what implements it
(modules and functions whose docstrings name it) and which tests prove it (those that carry it in
`@pytest.mark.requirement`), or why it does not apply. Made by `{COMMAND}`; a test fails when it
is not what the code and the tests say, when an id has no proof, or when a proof was skipped.
"""


@dataclass(frozen=True)
class Row:
    """One id: what it asks for, what implements and proves it, or why it does not apply."""

    id: str
    document: str
    texts: tuple[str, ...]
    implemented: tuple[str, ...]
    proved: tuple[str, ...]
    reason: str

    @property
    def open(self) -> str | None:
        """What is wrong with the row; None if it is complete."""
        if self.reason:
            return "is not applicable and yet proved" if self.proved else None
        if not self.implemented:
            return "is named in no docstring"
        return None if self.proved else "is proved by no test"


def rows() -> tuple[Row, ...]:
    """Return the table in the order of the specifications."""
    texts: dict[str, list[str]] = {}
    documents: dict[str, str] = {}
    for found in requirements():
        documents.setdefault(found.id, found.document)
        since = f"from {found.release}: " if found.id in texts else ""
        texts.setdefault(found.id, []).append(since + found.text)
    implemented, proved, reasons = implementations(texts), proofs(), not_applicable()
    return tuple(
        Row(
            identifier,
            document,
            tuple(texts[identifier]),
            implemented.get(identifier, ()),
            proved.get(identifier, ()),
            reasons.get(identifier, ""),
        )
        for identifier, document in documents.items()
    )


def not_applicable() -> Mapping[str, str]:
    """Return the ids that do not apply to this client module, with the reason."""
    with NOT_APPLICABLE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def text() -> str:
    """Return the table as the document has it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEADING
    table = rows()
    applicable = [row for row in table if not row.reason]
    yield f"{len(table)} ids, {len(applicable)} apply."
    for document in dict.fromkeys(row.document for row in table):
        yield f"\n## {document}\n"
        yield "| id | what | implemented by | proved by |"
        yield "|---|---|---|---|"
        yield from (_line(row) for row in table if row.document == document)


def _line(row: Row) -> str:
    cells = [row.id, "<br>".join(row.texts)]
    if row.reason:
        cells += [f"not applicable: {row.reason}", ""]
    else:
        cells.append("<br>".join(f"`{name}`" for name in row.implemented))
        cells.append("<br>".join(_link(test) for test in row.proved))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name}](../{path})"
