"""``python -m clientmodule.administration --settings FILE``."""

from .command import main

if __name__ == "__main__":
    raise SystemExit(main())
