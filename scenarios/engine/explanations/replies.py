"""The client module's replies, read from its catalogue as a text: no role is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Reply:
    """A reply as a client system sees it; ``code`` is an SMTP code, +OK or -ERR."""

    name: str
    code: str
    status: str
    text: str

    @property
    def line(self) -> str:
        """The reply in one line."""
        return " ".join(filter(None, (self.code, self.status, self.text)))


def find(subject: str) -> tuple[Reply, ...]:
    """Return the replies that *subject* names: code, enhanced status, both, text or whole line."""
    wanted = subject.casefold()
    return tuple(
        reply
        for reply in replies()
        if wanted
        and wanted
        in {
            reply.code.casefold(),
            reply.status,
            reply.text.casefold(),
            f"{reply.code} {reply.status}".strip().casefold(),
            reply.line.casefold(),
        }
    )


@cache
def replies() -> tuple[Reply, ...]:
    """Return every reply of the catalogue in its order; none where the client module is not."""
    try:
        source = resources.files("clientmodule").joinpath("faults.py").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return ()
    found = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            reply = _reply(statement.targets[0].id, statement.value)
            if reply is not None:
                found.append(reply)
    return tuple(found)


def _reply(name: str, value: ast.expr) -> Reply | None:
    if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
        first, _, rest = value.value.decode("ascii").partition("\r\n")[0].partition(" ")
        return Reply(name, first, "", rest)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        given = [one.value for one in value.args if isinstance(one, ast.Constant)]
        if value.func.id == "Reply" and len(given) == 3:
            return Reply(name, str(given[0]), str(given[1] or ""), str(given[2]))
    return None
