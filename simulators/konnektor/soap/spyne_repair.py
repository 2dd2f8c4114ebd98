"""Makes spyne 2.14 importable on Python 3.12 and later, and quick; import it before spyne.

The six module inside spyne 2.14 has an importer without ``find_spec``, which Python 3.12 asks
for, and spyne imports ``cgi``, which Python 3.13 no longer has. Besides, spyne collects all
garbage once a second for the sake of open files, of which there are none here; that took a tenth
of a busy Konnektor's time.
"""

# mypy: disable-error-code="attr-defined"

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import math
import sys
import types
from collections.abc import Sequence
from email.message import Message


class _SixFinder(importlib.abc.MetaPathFinder):
    """Answers ``find_spec`` for ``spyne.util.six.moves`` with six's own old importer."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith("spyne.util.six.moves"):
            return None
        for finder in sys.meta_path:
            if fullname in getattr(finder, "known_modules", {}):
                return importlib.util.spec_from_loader(fullname, finder)  # type: ignore[arg-type]
        return None


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    message = Message()
    message["content-type"] = line
    parameters = message.get_params() or [("", "")]
    return parameters[0][0], dict(parameters[1:])


def repair() -> None:
    """Install what this Python lacks; doing it again changes nothing."""
    if sys.version_info >= (3, 12) and not any(isinstance(f, _SixFinder) for f in sys.meta_path):
        sys.meta_path.insert(0, _SixFinder())
    if sys.version_info >= (3, 13) and "cgi" not in sys.modules:
        cgi = types.ModuleType("cgi")
        cgi.parse_header = _parse_header  # type: ignore[attr-defined]
        sys.modules["cgi"] = cgi


repair()

# Only now it can be imported; who needs spyne takes it from here, so that no order matters.
from spyne import (  # noqa: E402
    AnyXml,
    Application,
    Fault,
    MethodContext,
    ServiceBase,
    const,
    rpc,
)
from spyne.protocol.soap import Soap11  # noqa: E402
from spyne.server import ServerBase  # noqa: E402

const.MIN_GC_INTERVAL = math.inf

__all__ = [
    "AnyXml",
    "Application",
    "Fault",
    "MethodContext",
    "ServerBase",
    "ServiceBase",
    "Soap11",
    "rpc",
]
