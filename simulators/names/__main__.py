"""``python -m simulators.names --settings FILE``."""

from __future__ import annotations

from simulators.process.run import main

from .service import ROLE

if __name__ == "__main__":
    raise SystemExit(main(ROLE))
