"""Messages for the person in front of the screen."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from simulators.process.errors import reason


def test_the_systems_reason_is_told_in_german(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as missing:
        (tmp_path / "none").read_bytes()
    assert reason(missing.value) == "das gibt es nicht"
    with pytest.raises(OSError, match="directory") as folder:
        tmp_path.read_bytes()
    assert reason(folder.value) == "das ist ein Verzeichnis"


def test_a_rare_reason_stays_in_the_systems_words() -> None:
    assert reason(OSError(errno.EXDEV, os.strerror(errno.EXDEV))) == os.strerror(errno.EXDEV)
    assert reason(OSError("only this")) == "only this"
