"""A run fails when a test that proves a requirement was skipped, or is missing in a whole run."""

from __future__ import annotations

import pytest

NO_SPECIFICATION = "no specification files"
"""Why tests that compare with the official files skip where those are not."""
PARTIAL = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "stepwise")
"""Options with which a run is not expected to meet every test."""


class Outcomes:
    """Watches the reports of the tests in *proving*, with pytest-xdist those of all workers."""

    def __init__(self, config: pytest.Config, proving: frozenset[str]) -> None:
        self._config = config
        self._proving = proving
        self._met: set[str] = set()
        self._skipped: dict[str, str] = {}
        self._missing: list[str] = []

    @classmethod
    def watch(cls, config: pytest.Config, proving: frozenset[str]) -> None:
        """Watch this run; its workers leave that to the process that distributes the tests."""
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(cls(config, proving))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that proves something: that it came, or why it was skipped."""
        name = report.nodeid.partition("[")[0]
        if name not in self._proving:
            return
        self._met.add(name)
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if report.skipped and NO_SPECIFICATION not in reason:
            self._skipped[name] = reason

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Let a run that would pass fail for a proof that it did not give."""
        if exitstatus != pytest.ExitCode.OK:
            return
        if self._is_whole():
            self._missing = sorted(self._proving - self._met)
        if self._skipped or self._missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which proofs are not given."""
        told = [f"{name} was skipped: {why}" for name, why in sorted(self._skipped.items())]
        told += [f"{name} is in the table and was not run" for name in self._missing]
        if told:
            terminalreporter.section("requirements without proof", red=True)
            for line in told:
                terminalreporter.line(line)

    def _is_whole(self) -> bool:
        """Tell whether everything was to be run: no selection by path, name, marker or history."""
        options = self._config.option
        everywhere = self._config.args_source is pytest.Config.ArgsSource.TESTPATHS
        listing = options.collectonly
        return everywhere and not listing and not any(getattr(options, o, None) for o in PARTIAL)
