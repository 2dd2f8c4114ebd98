"""What a document breaks: one finding for each rule, with where, what and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from simulators.process.errors import one_line

SHOWN = 80


@dataclass(frozen=True)
class Finding:
    """A broken rule. Texts are German; ``line`` counts from 1, 0 means the whole file.

    ``rule`` names the rule: profile and element (``KBV_PR_EAU_Composition:title``), the key of an
    invariant, or a requirement; ``requirement`` the requirement of the specification it follows
    from. ``path`` is the place in the document, with indexes from 0.
    """

    rule: str
    requirement: str
    path: str
    line: int
    expected: str
    found: str
    remedy: str

    def text(self) -> str:
        """Return the finding in one line, without the file."""
        return one_line(
            f"{self.rule} ({self.requirement}) {self.path}: erwartet {self.expected}; "
            f"gefunden {self.found}; Abhilfe: {self.remedy}",
            1000,
        )

    def as_json(self) -> dict[str, str | int]:
        """Return the finding for a JSON report."""
        return asdict(self)


def shown(value: str | None) -> str:
    """Return *value* from a document for display: quoted, bounded, in one line."""
    return "nichts" if value is None else f"„{one_line(value, SHOWN)}“"
