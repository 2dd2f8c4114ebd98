"""``python -m simulators.pki --settings FILE``: the OCSP responder."""

from simulators.process.run import main

from .service import ROLE

if __name__ == "__main__":
    raise SystemExit(main(ROLE))
