"""``python -m simulators.vzd --settings FILE``."""

from simulators.process.run import main

from .service import ROLE

if __name__ == "__main__":
    raise SystemExit(main(ROLE))
