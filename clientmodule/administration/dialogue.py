"""Questions on a terminal: what is expected, a default, one line for an answer that is none."""

from __future__ import annotations

import getpass
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeVar

from simulators.process.errors import InputError

T = TypeVar("T")
Check = Callable[[str], str | None]
"""Returns what is wrong with an answer, None for a good one."""
MAX_ANSWER = 1024
ENDED = "abgebrochen: es kam keine Antwort mehr"
YES, NO = frozenset({"j", "ja", "y", "yes"}), frozenset({"n", "nein", "no"})


class Dialogue:
    """Speaks with a person (A_19454, A_19455): says where one is, what may be entered, what was
    wrong, and lets one correct it.

    Not *interactive*, nobody can be asked (A_20188): a missing answer is an InputError that names
    the argument to give.
    """

    def __init__(
        self, answers: TextIO, screen: TextIO, *, interactive: bool, yes: bool = False
    ) -> None:
        self._answers = answers
        self._screen = screen
        self._yes = yes
        self.interactive = interactive

    def say(self, text: str = "") -> None:
        """Show a line; what others wrote into it steers no terminal."""
        print(printable(text), file=self._screen, flush=True)

    def ask(
        self,
        question: str,
        argument: str,
        *,
        default: str | None = None,
        check: Check = lambda _: None,
        optional: bool = False,
    ) -> str:
        """Return an answer that *check* accepts; Enter takes the *default*."""
        if not self.interactive:
            if default is not None or optional:
                return default or ""
            raise InputError(f"{question}: fehlt; geben Sie {argument} an")
        shown = f" [{default}]" if default else ""
        while True:
            answer = self._line(f"{question}{shown}: ") or default or ""
            empty = None if optional else "bitte etwas eingeben"
            wrong = check(answer) if answer else empty
            if wrong is None:
                return answer
            self.say(f"  {question}: {wrong}")

    def secret(self, question: str, argument: str) -> str:
        """Return a password; on a terminal nobody sees it."""
        if not self.interactive:
            raise InputError(f"{question}: fehlt; geben Sie {argument} an")
        while True:
            answer = self._hidden(f"{question}: ")
            if answer:
                return answer
            self.say(f"  {question}: bitte etwas eingeben")

    def new_secret(self, question: str, argument: str) -> str:
        """Return a new password, entered twice: nobody sees a slip of the finger."""
        while True:
            first = self.secret(question, argument)
            if first == self.secret(f"{question} noch einmal", argument):
                return first
            self.say(f"  {question}: die beiden Eingaben sind verschieden")

    def choose(
        self, question: str, argument: str, options: Sequence[T], shown: Callable[[T], str]
    ) -> T:
        """Return one of the *options*; the only one is taken without a question."""
        for number, option in enumerate(options, 1):
            self.say(f"  {number}  {shown(option)}")
        if len(options) == 1:
            return options[0]

        def wrong(answer: str) -> str | None:
            if answer.isdecimal() and 1 <= int(answer) <= len(options):
                return None
            return f"erwartet wird eine Zahl von 1 bis {len(options)}"

        return options[int(self.ask(question, argument, check=wrong)) - 1]

    def confirm(self, question: str) -> bool:
        """Return whether the person agrees; ``--yes`` agrees to everything."""
        return self._yes or self._agrees(question, "--yes")

    def try_again(self) -> None:
        """Return if the person wants to try once more, which ``--yes`` does not say for them.

        Raises InputError if not.
        """
        if not self._agrees("Noch einmal versuchen?", "--batch"):
            raise InputError("abgebrochen")

    def _agrees(self, question: str, argument: str) -> bool:
        def wrong(answer: str) -> str | None:
            known = answer.lower() in YES | NO
            return None if known else "erwartet wird ja oder nein"

        return self.ask(f"{question} (ja/nein)", argument, check=wrong).lower() in YES

    def _line(self, prompt: str) -> str:
        def read() -> str:
            self._screen.write(printable(prompt))
            self._screen.flush()
            return self._answers.readline(MAX_ANSWER)

        line = _entered(read)
        if not line:
            raise InputError(ENDED)
        return line.strip()

    def _hidden(self, prompt: str) -> str:
        if self._answers is sys.stdin and self._answers.isatty():
            return _entered(lambda: getpass.getpass(prompt, self._screen))
        return self._line(prompt)


def printable(text: str) -> str:
    """Return *text* with nothing in it that steers a terminal but the ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _entered(read: Callable[[], str]) -> str:
    """Return what a person enters when *read* asks. Raises InputError, KeyboardInterrupt."""
    try:
        with _interruptible():
            text = read()
        text.encode("utf-8")
    except EOFError:
        raise InputError(ENDED) from None
    except UnicodeError:
        raise InputError("abgebrochen: erwartet wird Text in UTF-8") from None
    return text


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the wait for a person: the event loop, which handles it, waits as well."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
