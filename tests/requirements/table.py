"""The table of all requirements: where they are implemented, which test proves them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulators.formats.requirements import Requirement, requirements

from .proofs import ROOT, proofs, proving
from .sources import implementations

TABLE = ROOT / "docs" / "requirements.md"
NOT_APPLICABLE = Path(__file__).with_name("not_applicable.csv")
COMMAND = "python -m tests.requirements"
HEADING = f"""\
# Requirements of the client module

Every id of the specifications of the client module and of its S/MIME profile (KIM 1.5.2), in our
words: what implements it (modules and functions whose docstrings name it) and which tests prove it
(those that carry it in `@pytest.mark.requirement`), or why it does not apply. Made by
`{COMMAND}`; a test fails when this is not what code and tests say, when an id has
no proof, and when a proof was skipped.
"""


@dataclass(frozen=True)
class Row:
    """One id: what it asks for, what implements and proves it, or why it does not apply."""

    id: str
    document: str
    duty: str
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


@cache
def rows() -> tuple[Row, ...]:
    """Return the table in the order of the specifications."""
    texts: dict[str, list[str]] = {}
    first: dict[str, Requirement] = {}
    for found in requirements():
        first.setdefault(found.id, found)
        since = f"from {found.release}: " if found.id in texts else ""
        texts.setdefault(found.id, []).append(since + found.text)
    implemented, proved, reasons = implementations(texts), proofs(), not_applicable()
    return tuple(
        Row(
            identifier,
            found.document,
            found.duty,
            tuple(texts[identifier]),
            implemented.get(identifier, ()),
            proved.get(identifier, ()),
            reasons.get(identifier, ""),
        )
        for identifier, found in first.items()
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
    yield f"{len(table)} ids; {len(applicable)} apply, and {len(proving())} tests prove them."
    for document in dict.fromkeys(row.document for row in table):
        yield f"\n## {document}\n"
        yield "| id | duty | what | implemented by | proved by |"
        yield "|---|---|---|---|---|"
        yield from (_line(row) for row in table if row.document == document)


def _line(row: Row) -> str:
    cells = [row.id, row.duty, "<br>".join(row.texts)]
    if row.reason:
        cells += [f"not applicable: {row.reason}", ""]
    else:
        cells.append("<br>".join(f"`{name}`" for name in row.implemented))
        cells.append("<br>".join(_link(test) for test in row.proved))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name}](../{path})"
