"""From an XPath expression to what evaluates it (XPath 1.0, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ...soap.namespaces import EVENT
from .axes import NODE_TYPES, Test, axes, name_test, type_test
from .functions import Context, functions
from .steps import Expression, Predicates, Step, arithmetic, follow, keep, union
from .tokens import NotCompiled, Token, tokens
from .tree import Node
from .values import Budget, Value, compare, to_boolean, to_number

MAX_DEPTH = 20
_COMPARISONS = (("=", "!="), ("<=", "<", ">=", ">"))
_EVERYTHING_BELOW = Step(axes()["descendant-or-self"], type_test("node"), ())

__all__ = ["Compiled", "NotCompiled", "compile_xpath"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression, ready to be evaluated."""

    expression: Expression

    def evaluate(self, root: Node, budget: Budget) -> Value:
        """Return its value for the tree under *root*. Raises NotEvaluated."""
        return self.expression(Context(root, 1, 1, budget))


def compile_xpath(text: str, prefixes: Collection[str]) -> Compiled:
    """Return *text* compiled; names have no prefix or one of *prefixes*. Raises NotCompiled."""
    parser = _Parser(tokens(text), prefixes)
    expression = parser.either()
    parser.expect("")
    return Compiled(expression)


class _Parser:
    """Reads tokens from left to right; a method for each level of precedence."""

    def __init__(self, words: list[Token], prefixes: Collection[str]) -> None:
        self._words = words
        self._place = 0
        self._depth = 0
        self._prefixes = prefixes
        self._axes = axes()
        self._functions = functions(EVENT)

    @property
    def _word(self) -> Token:
        return self._words[self._place]

    def _next(self) -> Token:
        word = self._word
        self._place = min(self._place + 1, len(self._words) - 1)
        return word

    def _take(self, *texts: str) -> str | None:
        """Take the word if it is an operator or symbol of *texts*."""
        word = self._word
        if word.kind in ("operator", "symbol") and word.text in texts:
            return self._next().text
        return None

    def expect(self, text: str) -> None:
        """Take the symbol *text*, or with an empty one see the end."""
        word = self._next()
        if word.text != text or word.kind not in ("symbol", "end"):
            raise NotCompiled(
                f"erwartet wird {text or 'das Ende'}, nicht {word.text or 'das Ende'}"
            )

    def either(self) -> Expression:
        """Read an OrExpr."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotCompiled(f"tiefer geschachtelt als {MAX_DEPTH}")
        parts = self._several(self._both, "or")
        self._depth -= 1
        if len(parts) == 1:
            return parts[0]
        return lambda context: any(to_boolean(part(context)) for part in parts)

    def _both(self) -> Expression:
        parts = self._several(lambda: self._compared(0), "and")
        if len(parts) == 1:
            return parts[0]
        return lambda context: all(to_boolean(part(context)) for part in parts)

    def _several(self, read: Callable[[], Expression], between: str) -> list[Expression]:
        parts = [read()]
        while self._take(between):
            parts.append(read())
        return parts

    def _compared(self, level: int) -> Expression:
        def operand() -> Expression:
            return self._compared(level + 1) if level == 0 else self._added()

        left = operand()
        while sign := self._take(*_COMPARISONS[level]):
            left = _comparison(sign, left, operand())
        return left

    def _added(self) -> Expression:
        left = self._multiplied()
        while sign := self._take("+", "-"):
            left = arithmetic(sign, left, self._multiplied())
        return left

    def _multiplied(self) -> Expression:
        left = self._negated()
        while sign := self._take("*", "div", "mod"):
            left = arithmetic(sign, left, self._negated())
        return left

    def _negated(self) -> Expression:
        minus = 0
        while self._take("-"):
            minus += 1
        value = self._united()
        if not minus:
            return value
        return lambda context: to_number(value(context)) * (-1) ** minus

    def _united(self) -> Expression:
        parts = self._several(self._path, "|")
        return parts[0] if len(parts) == 1 else union(parts)

    def _path(self) -> Expression:
        """Read a LocationPath, or a FilterExpr with what follows it."""
        if self._starts_primary():
            start = self._primary()
            if predicates := self._predicates():
                start = keep(start, predicates)
            if not (slash := self._take("/", "//")):
                return start
            return follow(start, self._steps(slash))
        if slash := self._take("/", "//"):
            if slash == "/" and not self._starts_step():
                return follow(None, [], from_root=True)
            return follow(None, self._steps(slash), from_root=True)
        return follow(None, self._steps("/"))

    def _starts_primary(self) -> bool:
        word, following = self._word, self._words[min(self._place + 1, len(self._words) - 1)]
        if word.kind == "name":
            return following.text == "(" and word.text not in NODE_TYPES
        return word.kind in ("literal", "number") or word.text in ("(", "$")

    def _starts_step(self) -> bool:
        return self._word.kind == "name" or self._word.text in (".", "..", "@")

    def _primary(self) -> Expression:
        word = self._next()
        if word.kind == "literal":
            return lambda _: word.text
        if word.kind == "number":
            number = float(word.text)
            return lambda _: number
        if word.text == "(":
            inner = self.either()
            self.expect(")")
            return inner
        if word.kind != "name":
            raise NotCompiled("Variablen sind nicht erlaubt")
        return self._call(word.text)

    def _call(self, name: str) -> Expression:
        function = self._functions.get(name)
        if function is None:
            raise NotCompiled(f"die Funktion {name:.40} ist nicht erlaubt")
        self.expect("(")
        given: list[Expression] = []
        if not self._take(")"):
            given.append(self.either())
            while self._take(","):
                given.append(self.either())
            self.expect(")")
        if not function.least <= len(given) <= function.most:
            raise NotCompiled(f"{name}() mit {len(given)} Argumenten")

        def call(context: Context) -> Value:
            context.budget.spend()
            return function.call(context, [argument(context) for argument in given])

        return call

    def _steps(self, slash: str) -> list[Step]:
        found: list[Step] = []
        while slash:
            if slash == "//":
                found.append(_EVERYTHING_BELOW)
            found.append(self._step())
            slash = self._take("/", "//") or ""
        return found

    def _step(self) -> Step:
        if self._take("."):
            return Step(self._axes["self"], type_test("node"), ())
        if self._take(".."):
            return Step(self._axes["parent"], type_test("node"), ())
        axis = "attribute" if self._take("@") else "child"
        word = self._next()
        if word.kind == "name" and self._word.text == "::":
            self._next()
            axis, word = word.text, self._next()
        if axis not in self._axes:
            raise NotCompiled(f"die Achse {axis:.40} ist nicht erlaubt")
        if word.kind != "name":
            raise NotCompiled(f"ein Name wird erwartet, nicht {word.text or 'das Ende'}")
        return Step(self._axes[axis], self._test(word.text), self._predicates())

    def _test(self, name: str) -> Test:
        if name in NODE_TYPES and self._take("("):
            if name == "processing-instruction" and self._word.kind == "literal":
                self._next()
            self.expect(")")
            return type_test(name)
        prefix, colon, local = name.rpartition(":")
        if colon and prefix not in self._prefixes:
            raise NotCompiled(f"das Präfix {prefix:.40} ist nicht bekannt")
        return name_test(local)

    def _predicates(self) -> Predicates:
        found: list[Expression] = []
        while self._take("["):
            found.append(self.either())
            self.expect("]")
        return tuple(found)


def _comparison(sign: str, left: Expression, right: Expression) -> Expression:
    def evaluate(context: Context) -> Value:
        context.budget.spend()
        return compare(sign, left(context), right(context), context.budget)

    return evaluate
