"""``python -m scenarios.engine.profiles DIRECTORY``: the shipped tables anew, from FHIR packages.

For whoever maintains them when the KBV publishes a version; a test holds them against the packages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from .packages import Codes, read_packages
from .rows import written


def main() -> None:
    """Write ``kbv_profiles.csv`` and ``kbv_codes.csv`` beside this module."""
    packages = read_packages(Path(sys.argv[1]))
    here = Path(__file__).parent
    (here / "kbv_profiles.csv").write_text(written(packages.rows), encoding="utf-8")
    lines = "".join(f"{line}\n" for line in ("set,system,codes", *_code_lines(packages.codes)))
    (here / "kbv_codes.csv").write_text(lines, encoding="utf-8")


def _code_lines(codes: Codes) -> Iterator[str]:
    for name, members in sorted(codes.items()):
        for system in sorted({system for system, _ in members}):
            of_system = sorted(code for its, code in members if its == system)
            yield f"{name},{system},{' '.join(of_system)}"


if __name__ == "__main__":
    main()
