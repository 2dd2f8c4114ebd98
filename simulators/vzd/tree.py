"""The tree of the directory: the containers above the entries, the root DSE, bases of searches."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.process.ldap.messages import PAGED_RESULTS, Scope

from .dn import Dn, parse_dn
from .entries import Entry, container


@dataclass(frozen=True)
class Target:
    """What a base and a scope reach: containers, all entries, or the one entry ``uid``."""

    containers: tuple[Entry, ...] = ()
    all_entries: bool = False
    uid: str | None = None


class NoSuchBaseError(Exception):
    """There is nothing under the base; ``matched`` is the nearest name above it that exists."""

    def __init__(self, matched: str) -> None:
        super().__init__(matched)
        self.matched = matched


class Tree:
    """The containers from ``dc=vzd`` down to the base under which all entries lie, flat."""

    def __init__(self, base: str) -> None:
        parts = base.split(",")
        names = [",".join(parts[index:]) for index in reversed(range(len(parts)))]
        self._base = parse_dn(base)
        self._containers = {parse_dn(name): _container(name) for name in names}
        self._base_text = base
        self._everything = self._target(base, Scope.SUBTREE)
        self.root = container(
            "",
            {
                "objectClass": ("top",),
                "namingContexts": (names[0],),
                "supportedLDAPVersion": ("3",),
                "supportedControl": (PAGED_RESULTS,),
                "vendorName": ("kimulator (TEST-ONLY)",),
            },
        )

    def target(self, base: str, scope: Scope) -> Target:
        """Return what a search reaches. Raises DnError, or NoSuchBaseError."""
        if base == self._base_text and scope == Scope.SUBTREE:
            return self._everything
        return self._target(base, scope)

    def _target(self, base: str, scope: Scope) -> Target:
        name = parse_dn(base)
        if not name:
            if scope == Scope.BASE:
                return Target((self.root,))
            raise NoSuchBaseError("")
        if name in self._containers:
            return self._below(name, scope)
        if name[1:] == self._base and name[0][0] == "uid":
            return Target(uid=name[0][1])
        raise NoSuchBaseError(self._nearest(name))

    def _nearest(self, name: Dn) -> str:
        for index in range(1, len(name) + 1):
            container = self._containers.get(name[index:])
            if container is not None:
                return container.dn
        return ""

    def _below(self, name: Dn, scope: Scope) -> Target:
        if scope == Scope.BASE:
            return Target((self._containers[name],))
        depth = len(name) + 1
        below = tuple(
            container
            for dn, container in self._containers.items()
            if dn[-len(name) :] == name and (scope == Scope.SUBTREE or len(dn) == depth)
        )
        return Target(below, all_entries=scope == Scope.SUBTREE or name == self._base)


def _container(dn: str) -> Entry:
    kind, _, value = dn.partition(",")[0].partition("=")
    return container(dn, {"objectClass": ("top", "domain"), kind: (value,)})
