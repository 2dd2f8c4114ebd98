"""The run directory of a world: who owns it, what lies in it, how its world is ended."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path

from simulators.process.errors import InputError, one_line, reason

from ..endpoints.contract import CERTIFICATES, ENVIRONMENT_FILE
from ..endpoints.contract import FILE as ENDPOINTS_FILE

LOCK_FILE = "lock"
DATA, LOGS, SETTINGS = "data", "logs", "settings"
OWN_CARDS = "own-cards"  # keys that are not ours: gone when the world ends
SUPERVISOR_LOG = "supervisor.log"
LAST_WORDS_BYTES = 4096
DOWN_SECONDS = 5.0


class RunDirectory:
    """A directory that one world owns from ``take`` until its supervisor ends.

    The owner holds a lock on ``lock`` that the system takes away when the process dies, however
    it dies; the file names the owner's process id. So a world that was killed leaves a directory
    that the next one may use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def data(self) -> Path:
        """Data of the processes, one directory for each."""
        return self.path / DATA

    @property
    def lock_descriptor(self) -> int:
        """The descriptor of the lock; a forked process has to close it."""
        assert self._lock is not None
        return self._lock

    def log(self, process: str) -> Path:
        """Return the log file of *process*."""
        return self.path / LOGS / f"{process}.log"

    def settings(self, process: str) -> Path:
        """Return the settings file of *process*."""
        return self.path / SETTINGS / f"{process}.json"

    def take(self) -> None:
        """Own the directory, made if needed, without what a dead world left in it.

        Raises InputError when it cannot be written or another world runs in it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InputError(f"{self.path}: nicht beschreibbar: {reason(error)}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = _pid(self._lock)
            self._let_go()  # the addresses in it are the running world's
            raise InputError(
                f"{self.path}: hier läuft schon eine Welt (Prozess {owner}); "
                "`kimulator down` beendet sie, --run-dir wählt ein anderes Verzeichnis"
            ) from None
        try:
            self._clear()
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise InputError(f"{self.path}: nicht beschreibbar: {reason(error)}") from None

    def release(self) -> None:
        """Give the directory free; the addresses in it are dead now and go."""
        if self._lock is not None:
            with suppress(OSError):
                _remove_addresses(self.path)
            shutil.rmtree(self.path / OWN_CARDS, ignore_errors=True)
            self._let_go()

    def hand_over(self) -> None:
        """Leave the directory to processes that are started elsewhere; nobody owns it then."""
        if self._lock is not None:
            (self.path / LOCK_FILE).unlink(missing_ok=True)
            self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _clear(self) -> None:
        _remove_addresses(self.path)
        for name in (DATA, LOGS, SETTINGS, CERTIFICATES, OWN_CARDS):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (DATA, LOGS, SETTINGS):
            (self.path / name).mkdir(mode=0o700)


def owner_of(path: Path) -> int | None:
    """Return the process id of the world that runs in the run directory *path*, if one does."""
    lock = _open_lock(path)
    if lock is None:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _pid(lock)
    else:
        return None
    finally:
        os.close(lock)


def last_words(path: Path) -> str:
    """Return why the detached world in *path* ended by itself, to be put behind a sentence."""
    try:
        with (path / LOGS / SUPERVISOR_LOG).open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - LAST_WORDS_BYTES))
            lines = log.read(LAST_WORDS_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return f": {one_line(lines[-1])}" if lines else ""


def end_world(path: Path) -> bool:
    """End the world in the run directory *path*; False when none ran there (any more).

    Raises InputError when *path* is no run directory, or when the world does not end.
    """
    if not (path / LOCK_FILE).is_file():
        raise InputError(f"{path}: hier läuft keine Welt")
    owner = owner_of(path)
    if owner is None:
        _remove_addresses(path)
        return False
    try:
        os.kill(owner, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise InputError(f"{path}: die Welt (Prozess {owner}) gehört jemand anderem") from None
    if not _wait_until_free(path):
        raise InputError(f"{path}: die Welt (Prozess {owner}) endet nicht")
    return True


def _wait_until_free(path: Path) -> bool:
    """Wait for the lock: the system gives it when the owner is gone."""
    free = threading.Event()

    def wait() -> None:
        lock = _open_lock(path)
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_SH)
            os.close(lock)
        free.set()

    threading.Thread(target=wait, daemon=True).start()
    return free.wait(DOWN_SECONDS)


def _open_lock(path: Path) -> int | None:
    try:
        return os.open(path / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None


def _pid(lock: int) -> int:
    try:
        return int(os.pread(lock, 32, 0))
    except ValueError:
        return 0


def _remove_addresses(path: Path) -> None:
    for name in (ENDPOINTS_FILE, ENVIRONMENT_FILE):
        (path / name).unlink(missing_ok=True)
