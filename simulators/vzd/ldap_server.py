"""Searches over LDAP, as clients of the directory make them (TIP1-A_5566 to A_5569)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulators.process.faults import DROP, Effect, delay
from simulators.process.ldap.ber import BerError
from simulators.process.ldap.filter_text import format_filter
from simulators.process.ldap.messages import (
    PAGED_RESULTS,
    SUCCESS,
    BindRequest,
    Control,
    Operation,
    Result,
    SearchRequest,
    envelope,
    page_bytes,
    read_page,
)
from simulators.process.ldap.results import ResultCode, result_name
from simulators.process.ldap.server import SearchCall
from simulators.process.role import Process

from . import faults
from .answers import Answers, Selection
from .dn import DnError
from .entries import Entry
from .filters import Predicate, compile_filter
from .index import Directory
from .settings import VzdSettings
from .store import Store
from .tree import NoSuchBaseError, Target, Tree

SEARCH = "LDAP.Search"
MAX_JOURNAL_TEXT = 1_000
MAX_KEPT = 64
_COOKIE = re.compile(rb"([0-9]{1,10}):([0-9]{1,10}):([0-9a-f]+)")
_SLICE_SECONDS = 0.004
_LOOK_AT_CLOCK_EVERY = 16


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a paged search (RFC 2696): its size, and where in the order it begins."""

    size: int
    start: int
    given: int
    digest: str

    def cookie(self, ordinal: int, hits: int) -> bytes:
        return f"{ordinal}:{self.given + hits}:{self.digest}".encode()


class _WrongCookieError(Exception):
    pass


@dataclass(slots=True)
class _Search:
    """One search under way and what it has found so far.

    ``matching`` are the ordinals of what matches, where the index alone tells; elsewhere ``holds``
    says what of the candidates does.
    """

    call: SearchCall
    matching: Sequence[int] | None
    holds: Predicate | None
    selection: Selection
    limit: int
    deadline: float
    at: float
    page: _Page | None = None
    hits: int = 0
    resume: int | None = None


class _BrokenOff(SearchCall):
    """A search whose first answer breaks off in its middle, and the connection with it."""

    def answer(self, after_id: bytes) -> None:
        self.session.break_off(envelope(self.message.id, after_id))

    def entry(self, after_id: bytes) -> None:
        self.answer(after_id)


class VzdService:
    """Answers the searches of LDAP clients."""

    controls = frozenset({PAGED_RESULTS})

    def __init__(self, process: Process[VzdSettings], store: Store) -> None:
        self._process = process
        self._settings = process.settings
        self._tree = Tree(process.settings.base)
        self._selections: dict[tuple[tuple[str, ...], bool], Selection] = {}
        self._answers = Answers()
        self._store = store
        users = process.settings.technical_users
        self._users = {name: password.get_secret_value() for name, password in users.items()}

    @property
    def directory(self) -> Directory:
        """The entries, as they are now."""
        return self._store.directory

    def bind(self, request: BindRequest) -> Result:
        """Return how the bind ends (TIP1-A_5567, A_17794)."""
        return faults.bind_result(request, self._users)

    def refuse(self, operation: Operation, name: str | None) -> Result:
        """Return the answer to an operation that the directory does not do."""
        result = faults.refusal(operation, name)
        self._process.journal.record(
            "LDAP.Refused", operation_name=operation.name, result=result_name(result.code)
        )
        return result

    async def search(self, call: SearchCall) -> None:
        """Answer *call* and write an event: filter, base, number of hits, result."""
        began = time.perf_counter()
        hits, outcome = 0, "abandoned"
        controls: tuple[Control, ...] = ()
        text = format_filter(call.request.filter)
        try:
            effect = await self._effect(call, text) if self._process.faults.active else None
            if effect is not None and effect.kind == DROP:
                outcome = DROP
                call.drop()
                return
            if effect is not None and effect.kind == faults.TRUNCATE:
                call = _BrokenOff(call.session, call.message, call.request, call.controls)
                hits, result, controls = await self._answer(call)
            elif effect is not None:
                result = Result(effect.code or ResultCode.OTHER, effect.text or "")
            else:
                hits, result, controls = await self._answer(call)
            outcome = result_name(result.code)
            call.done(result, controls)
        finally:
            self._process.journal.record(
                SEARCH,
                milliseconds=(time.perf_counter() - began) * 1000,
                filter=text[:MAX_JOURNAL_TEXT],
                base=call.request.base[:MAX_JOURNAL_TEXT],
                hits=hits,
                result=outcome,
            )

    async def _effect(self, call: SearchCall, text: str) -> Effect | None:
        base, user = call.request.base, call.session.user
        return await delay(
            self._process.faults.pick(
                SEARCH, faults.SEARCH_EFFECTS, filter=text, base=base, user=user
            )
        )

    async def _answer(self, call: SearchCall) -> tuple[int, Result, tuple[Control, ...]]:
        try:
            target = self._tree.target(call.request.base, call.request.scope)
            search = self._begin(call)
        except DnError as error:
            return 0, faults.bad_name(str(error)), ()
        except NoSuchBaseError as error:
            return 0, faults.no_such_base(error.matched), ()
        except BerError as error:
            return 0, Result(ResultCode.PROTOCOL_ERROR, str(error)), ()
        except _WrongCookieError:
            return 0, faults.WRONG_COOKIE, ()
        if target.uid is not None and self.directory.ordinal(target.uid) is None:
            return 0, faults.no_such_base(self._settings.base), ()
        result = await self._run(search, target)
        return search.hits, result, self._page_controls(search)

    def _begin(self, call: SearchCall) -> _Search:
        request, settings = call.request, self._settings
        page = self._page(call)
        limit = min(request.size_limit or settings.size_limit, settings.size_limit)
        if call.session.user:
            limit = request.size_limit  # A_17794
        seconds = min(request.time_limit or settings.search_seconds, settings.search_seconds)
        matching, directory = None, self.directory
        if request.base == settings.base:
            matching = directory.exact(request.filter, 0 if page is None else max(page.start, 0))
        return _Search(
            call,
            matching,
            compile_filter(request.filter, directory.knows) if matching is None else None,
            self._selection(request),
            limit if page is None else request.size_limit,
            asyncio.get_running_loop().time() + seconds,
            self._process.clock.now().timestamp(),
            page,
        )

    def _selection(self, request: SearchRequest) -> Selection:
        """Return what *request* asks for; most clients ask for the same again and again."""
        asked = (request.attributes, request.types_only)
        known = self._selections.get(asked)
        if known is None:
            if len(self._selections) >= MAX_KEPT:
                self._selections.clear()
            known = Selection(request.attributes, types_only=request.types_only)
            self._selections[asked] = known
        return known

    def _page(self, call: SearchCall) -> _Page | None:
        """Return the page asked for; BerError or _WrongCookieError if it makes no sense."""
        if not call.controls:
            return None
        control = next((c for c in call.controls if c.oid == PAGED_RESULTS), None)
        if control is None:
            return None
        size, cookie = read_page(control.value)
        digest = _digest(call.request)
        if not cookie:
            return _Page(min(size, self._settings.page_limit), -1, 0, digest)
        matched = _COOKIE.fullmatch(cookie)
        if matched is None or matched[3] != digest.encode():
            raise _WrongCookieError
        return _Page(min(size, self._settings.page_limit), int(matched[1]), int(matched[2]), digest)

    def _page_controls(self, search: _Search) -> tuple[Control, ...]:
        if search.page is None:
            return ()
        cookie = b""
        if search.resume is not None:
            cookie = search.page.cookie(search.resume, search.hits)
        return (Control(PAGED_RESULTS, value=page_bytes(0, cookie)),)

    async def _run(self, search: _Search, target: Target) -> Result:
        if search.page is not None and search.page.size == 0:
            return SUCCESS  # the client asks for an estimate only, or ends the paging
        loop = asyncio.get_running_loop()
        slice_end, seen = loop.time() + _SLICE_SECONDS, 0
        for ordinal, entry in self._candidates(search, target):
            seen += 1
            if (entry is None or seen % _LOOK_AT_CLOCK_EVERY == 0) and loop.time() > slice_end:
                search.call.session.flush()
                await asyncio.sleep(0)  # others have their turn
                if loop.time() > search.deadline:
                    return faults.TIME_LIMIT
                slice_end = loop.time() + _SLICE_SECONDS
            if entry is None or (search.holds is not None and not search.holds(entry)):
                continue
            if self._is_full(search, ordinal):
                return SUCCESS if search.resume is not None else faults.SIZE_LIMIT
            search.hits += 1
            search.call.entry(self._answers.get(ordinal, entry, search.selection, search.at))
            if search.call.session.full:
                await search.call.session.writable()
        return SUCCESS

    @staticmethod
    def _is_full(search: _Search, ordinal: int) -> bool:
        """Whether one more hit is too many; notes where the next page begins."""
        page = search.page
        if search.limit and search.hits + (page.given if page else 0) >= search.limit:
            return True
        if page is not None and search.hits >= page.size:
            search.resume = ordinal
            return True
        return False

    def _candidates(self, search: _Search, target: Target) -> Iterator[tuple[int, Entry | None]]:
        """Yield, with their ordinals, what may match: containers (ordinal 0) and entries.

        None for an entry is a pause of the index, in which others may be served.
        """
        start = search.page.start if search.page is not None else -1
        if start < 0 and search.holds is not None:  # no container has an attribute of the index
            yield from ((0, container) for container in target.containers)
        directory = self.directory
        ordinals: Iterator[int | None]
        if target.uid is not None:
            only = directory.ordinal(target.uid)
            ordinals = iter(() if only is None or search.call.request.scope == 1 else (only,))
        elif search.matching is not None:
            ordinals = iter(search.matching if target.all_entries else ())
        elif target.all_entries:
            ordinals = directory.candidates(search.call.request.filter, max(start, 0))
        else:
            return
        for ordinal in ordinals:
            if ordinal is None:
                yield 0, None
                continue
            entry = directory.at(ordinal)
            if entry is not None and entry.found(search.at):
                yield ordinal, entry


def _digest(request: SearchRequest) -> str:
    """Return what ties a cookie to its search."""
    asked = f"{request.base}\0{request.scope}\0{format_filter(request.filter)}"
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]
