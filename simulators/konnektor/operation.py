"""One call of one operation: its request, the access check, its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .access.check import Grant, Target
from .access.relations import Context
from .faults import Code, KonnektorFault, Trace, fault
from .soap import answers, reading
from .soap.namespaces import CONN, CONTEXT, name
from .soap.reading import Element, Parts, optional

if TYPE_CHECKING:
    from .konnektor import Konnektor

P = ParamSpec("P")
R = TypeVar("R")

MAX_ID = 64
MAX_HANDLE = 128


@dataclass(frozen=True)
class Service:
    """A service of the Konnektor in one version, as the service directory lists it.

    ``namespace`` is that of its messages; ``path`` follows the base path of the make;
    ``max_envelope`` bounds a message, in bytes.
    """

    name: str
    version: str
    namespace: str
    prefix: str
    abstract: str
    path: str
    operations: Mapping[str, Handler]
    max_envelope: int = reading.MAX_ENVELOPE

    @property
    def wsdl_namespace(self) -> str:
        """The target namespace of the service's WSDL."""
        major_minor = ".".join(self.version.split(".")[:2])
        return f"http://ws.gematik.de/conn/{self.name}/WSDL/v{major_minor}"


@dataclass
class Call:
    """A call under way; ``facts`` go into the journal, ``warnings`` into the answer's Status.

    ``is_long``: its message is so large that work on it may take seconds.
    """

    konnektor: Konnektor
    service: Service
    operation: str
    body: Element
    identity: frozenset[str] | None
    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[Trace] = field(default_factory=list)
    warned: bool = False
    is_long: bool = False

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run *function* off the event loop; one client's large documents hold up nobody else."""
        process = self.konnektor.process
        run = process.at_length if self.is_long else process.in_thread
        return await run(function, *args, **kwargs)

    def check(self, parts: Parts, target: Target) -> Grant:
        """Run the access check for the Context in *parts*; raises its fault."""
        context = self.context(parts)
        if target.handle is not None:
            self.note_card(target.handle)
        try:
            return self.konnektor.access.check(context, target, self.identity)
        except KonnektorFault as raised:
            if raised.trace.code != Code.CARD_NOT_INSERTED:
                raise
            code = self.konnektor.settings.make.unknown_handle.get(self.operation)
            raise fault(code or Code.CARD_NOT_INSERTED, raised.trace.detail) from None

    def context(self, parts: Parts) -> Context:
        """Read CCTX:Context; an id that is missing is no syntax error but 4021 (TAB_KON_514)."""
        context = read_context(parts.one(name(CONTEXT, "Context")))
        self.note_context(context)
        return context

    def note_context(self, context: Context) -> None:
        """Have the journal say who called."""
        for key in ("mandant", "clientsystem", "workplace", "user"):
            value = getattr(context, key)
            if value:
                self.facts[key] = value

    def note_card(self, handle: str) -> None:
        """Have the journal say which card was meant."""
        card = self.konnektor.cards.by_handle(handle)
        if card is not None:
            self.facts["card"] = card.card.iccsn

    def note_warnings(self, traces: Sequence[Trace]) -> None:
        """Have the journal say what the answer warns of."""
        if traces:
            self.warned = True
            self.facts["code"] = str(traces[-1].code)

    def own(self, local: str) -> str:
        """Return the expanded name of an element of this service's namespace."""
        return name(self.service.namespace, local)

    def answer(self) -> Element:
        """Return the root element of the answer."""
        return answers.response(
            self.service.namespace, f"{self.operation}Response", self.service.prefix
        )

    def add_status(self, parent: Element, *more: Trace) -> None:
        """Append CONN:Status with the warnings of this call and *more*."""
        traces = [*self.warnings, *more]
        self.note_warnings(traces)
        reported = self.konnektor.error(traces, self.operation) if traces else None
        answers.add_status(parent, reported)


Handler = Callable[[Call], Awaitable[Element]]


def read_context(element: Element) -> Context:
    """Read CCTX:Context; missing ids are None."""
    parts = reading.sequence(
        element,
        optional(name(CONN, "MandantId")),
        optional(name(CONN, "ClientSystemId")),
        optional(name(CONN, "WorkplaceId")),
        optional(name(CONN, "UserId")),
    )

    def read(local: str) -> str | None:
        found = parts.maybe(name(CONN, local))
        return (reading.bounded(found, MAX_ID) or None) if found is not None else None

    return Context(read("MandantId"), read("ClientSystemId"), read("WorkplaceId"), read("UserId"))


def read_handle(parts: Parts) -> str:
    """Return the text of CONN:CardHandle."""
    return reading.bounded(parts.one(name(CONN, "CardHandle")), MAX_HANDLE)
