"""The attributes of an entry, kept small: 50,000 entries share what is the same in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Values = tuple[str, ...]


class Shape:
    """Which attributes entries have, and how these are spelled in answers; shared by many."""

    __slots__ = ("names", "positions")

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self.positions = {key: position for position, key in enumerate(names)}


class Attributes(Mapping[str, Values]):
    """The values of one entry by attribute key."""

    __slots__ = ("_values", "shape")

    def __init__(self, shape: Shape, values: tuple[Values, ...]) -> None:
        self.shape = shape
        self._values = values

    def __getitem__(self, key: str) -> Values:
        return self._values[self.shape.positions[key]]

    def __contains__(self, key: object) -> bool:
        return key in self.shape.positions

    def __iter__(self) -> Iterator[str]:
        return iter(self.shape.positions)

    def __len__(self) -> int:
        return len(self._values)


class Sharing:
    """What was made before, while many entries are read: the same is made once.

    Values are shared where an attribute has few of them, which the first ``_LOOK`` tell.
    """

    _LOOK = 512

    def __init__(self) -> None:
        self._shapes: dict[tuple[tuple[str, str], ...], Shape] = {}
        self._values: dict[str, dict[Values, Values]] = {}
        self._unlike: set[str] = set()

    def attributes(self, kept: Mapping[str, Values], names: Mapping[str, str]) -> Attributes:
        """Return *kept*, whose keys are spelled as *names* say."""
        spelled = tuple((key, names[key]) for key in kept)
        shape = self._shapes.get(spelled)
        if shape is None:
            shape = self._shapes[spelled] = Shape(dict(spelled))
        return self.shaped(shape, kept.values())

    def shaped(self, shape: Shape, values: Iterable[Values]) -> Attributes:
        """Return *values* in the order of *shape*."""
        return Attributes(shape, tuple(map(self._one, shape.positions, values)))

    def _one(self, key: str, values: Values) -> Values:
        if key in self._unlike:
            return values
        known = self._values.setdefault(key, {})
        shared = known.setdefault(values, values)
        if len(known) > self._LOOK:
            self._unlike.add(key)
            del self._values[key]
        return shared
