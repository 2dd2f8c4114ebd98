"""What a person does at a terminal besides answering: give up, mistype, type what is no text."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys

import pytest

from clientmodule.administration.dialogue import Dialogue
from simulators.process.errors import InputError

SECONDS = 20
ASKING = """
import asyncio, sys
from clientmodule.administration.dialogue import Dialogue
from simulators.process.errors import InputError

async def ask():
    try:
        Dialogue(sys.stdin, sys.stdout, interactive=True).{question}("Frage", "--x")
    finally:
        await asyncio.sleep(0)
        print("aufgeräumt")
try:
    asyncio.run(ask())
except (InputError, KeyboardInterrupt) as error:
    print(type(error).__name__, error)
"""


def asking(question: str, stdin: int) -> subprocess.Popen[str]:
    """Start a program that asks *question* of *stdin*; return it when it waits for the answer."""
    program = subprocess.Popen(
        [sys.executable, "-X", "utf8", "-c", ASKING.format(question=question)],
        stdin=stdin, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.read(7) == "Frage: "
    return program


@pytest.mark.requirement("A_19454")
def test_ctrl_c_ends_a_question_at_once_and_what_was_begun_is_tidied() -> None:
    program = asking("ask", subprocess.PIPE)
    program.send_signal(signal.SIGINT)
    shown, _ = program.communicate(timeout=SECONDS)
    assert shown.split() == ["aufgeräumt", "KeyboardInterrupt"]


@pytest.mark.requirement("A_19454")
def test_ctrl_d_at_a_password_is_the_end_and_no_mistake_of_the_program() -> None:
    master, terminal = pty.openpty()
    try:
        program = asking("secret", terminal)
        os.write(master, b"\x04")
        shown, _ = program.communicate(timeout=SECONDS)
    finally:
        os.close(master)
        os.close(terminal)
    assert "InputError abgebrochen: es kam keine Antwort mehr" in shown


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_answer_that_is_no_utf_8_is_refused(errors: str) -> None:
    answers = io.TextIOWrapper(io.BytesIO(b"Gr\xfc\xdfe\n"), encoding="utf-8", errors=errors)
    with pytest.raises(InputError, match="UTF-8"):
        Dialogue(answers, io.StringIO(), interactive=True).ask("Text", "--message")


def test_text_of_others_steers_no_terminal() -> None:
    screen = io.StringIO()
    Dialogue(io.StringIO(), screen, interactive=True).say("Regel: \x1b[2J\x9bßä\r\nWeiter")
    assert screen.getvalue() == "Regel:  [2J ßä \nWeiter\n"


@pytest.mark.requirement("A_19455")
def test_new_password_is_entered_twice() -> None:
    screen = io.StringIO()
    asked = Dialogue(io.StringIO("eins\nzwei\ndrei\ndrei\n"), screen, interactive=True)
    assert asked.new_secret("Neues Passwort", "--new-password-file") == "drei"
    assert screen.getvalue().count("die beiden Eingaben sind verschieden") == 1


def test_yes_to_everything_does_not_try_for_ever() -> None:
    asked = Dialogue(io.StringIO("nein\n"), io.StringIO(), interactive=True, yes=True)
    assert asked.confirm("Einschalten?")
    with pytest.raises(InputError, match="abgebrochen"):
        asked.try_again()
