"""The logs of the client module: their entries, their age, the space that they take."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clientmodule.logs import Logs, log_files
from simulators.process.clock import Clock
from tests.clientmodule_logs import performance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPACE = 64_000


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.set(NOON)
    return clock


@pytest.fixture
def logs(tmp_path: Path, clock: Clock) -> Callable[..., Logs]:
    def make(**change: bool) -> Logs:
        switches = {"performance": True, "steps": True, **change}
        return Logs(tmp_path / "logs", clock, days=30, space=SPACE, **switches)

    return make


def lines(directory: Path, kind: str) -> list[list[str]]:
    text = "".join(path.read_text() for path in log_files(directory / "logs", kind))
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.requirement("KOM-LE-A_2081", "KOM-LE-A_2087", "KOM-LE-A_2088", "KOM-LE-A_2090")
def test_the_fields_of_each_kind(logs: Callable[..., Logs], tmp_path: Path) -> None:
    written = logs()
    written.flow("a1", "ClientMail")
    written.done("a1", "SignDocument", 12.5)
    written.error("a1", "zwei\tFelder\nund Zeilen " + "x" * 5_000)
    (began, done), (took,), (failed,) = (
        lines(tmp_path, kind) for kind in ("flow", "performance", "error")
    )
    assert (began[0], began[2:]) == ("a1", ["ClientMail"])
    assert (done[0], done[2:]) == ("a1", ["SignDocument"])
    assert (took[:2], took[4]) == (["a1", "SignDocument"], "12.500")
    assert failed[0] == "a1"
    assert failed[2].startswith("zwei Felder und Zeilen x")
    assert len(failed[2]) == 1_000
    for written_at in (began[1], done[1], took[2], took[3], failed[1]):
        assert abs(datetime.fromisoformat(written_at) - NOON) < timedelta(minutes=5)
    (entry,) = performance(tmp_path / "logs")
    assert (entry.number, entry.action, entry.milliseconds) == ("a1", "SignDocument", 12.5)
    assert abs((entry.end - entry.start).total_seconds() - 0.0125) < 0.002


@pytest.mark.requirement("KOM-LE-A_2079", "KOM-LE-A_2084")
@pytest.mark.parametrize(
    ("switches", "kinds"),
    [
        ({}, {"flow", "performance", "error"}),
        ({"performance": False}, {"flow", "error"}),
        ({"steps": False}, {"performance", "error"}),
    ],
)
def test_performance_and_flow_are_switched_by_themselves(
    logs: Callable[..., Logs], tmp_path: Path, switches: dict[str, bool], kinds: set[str]
) -> None:
    written = logs(**switches)
    written.done("a1", "Send", 1.0)
    written.error("a1", "Send: 451")
    assert {path.name.partition("-")[0] for path in log_files(tmp_path / "logs")} == kinds


@pytest.mark.requirement("KOM-LE-A_2085")
def test_each_day_has_its_files_until_they_are_too_old(
    logs: Callable[..., Logs], tmp_path: Path, clock: Clock
) -> None:
    written = logs()
    for day in range(33):
        clock.set(NOON + timedelta(days=day))
        written.error("a1", "Send: 451")
    days = [path.stem[6:16] for path in log_files(tmp_path / "logs", "error")]
    assert days == [f"{NOON + timedelta(days=day):%Y-%m-%d}" for day in range(2, 33)]


@pytest.mark.requirement("KOM-LE-A_2085")
def test_the_oldest_make_room(logs: Callable[..., Logs], tmp_path: Path, clock: Clock) -> None:
    """However much is written, all together stay within the space, and the newest are there."""
    written = logs()
    for day in range(3):
        clock.set(NOON + timedelta(days=day))
        for number in range(2_000):
            written.done(f"{day}-{number}", "Send", 1.0)
    files = log_files(tmp_path / "logs")
    assert SPACE // 2 < sum(path.stat().st_size for path in files) <= SPACE
    assert {path.stem[-15:-5] for path in files} == {"2026-03-03"}
    entries = list(performance(tmp_path / "logs"))
    assert entries[-1].number == "2-1999"
    numbers = [int(entry.number.partition("-")[2]) for entry in entries]
    assert numbers == list(range(numbers[0], 2_000)), "in their order, without a gap"


@pytest.mark.requirement("KOM-LE-A_2085")
def test_a_start_goes_on_where_the_last_one_ended(
    logs: Callable[..., Logs], tmp_path: Path
) -> None:
    for number in range(3):
        written = logs()
        written.error(str(number), "Send: 451")
        written.close()
    assert len(log_files(tmp_path / "logs")) == 1
    assert [fields[0] for fields in lines(tmp_path, "error")] == ["0", "1", "2"]


@pytest.mark.requirement("KOM-LE-A_2082", "KOM-LE-A_2083")
def test_the_owner_reads_and_copies_them_while_they_are_written(
    logs: Callable[..., Logs], tmp_path: Path
) -> None:
    written = logs()
    written.done("a1", "Send", 1.0)
    shutil.copytree(tmp_path / "logs", tmp_path / "copy" / "logs")
    written.done("a2", "Send", 1.0)
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in log_files(tmp_path / "logs")} == {0o600}
    assert [fields[0] for fields in lines(tmp_path / "copy", "flow")] == ["a1"]
    assert [fields[0] for fields in lines(tmp_path, "flow")] == ["a1", "a2"]
