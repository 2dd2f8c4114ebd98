"""docs/other-languages.md names what a world has; its Java program runs where Java can."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.reset import reset_all

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = Path(os.environ.get("KIM_JAVA_LIBRARIES") or "/usr/share/java")
SECONDS = 60


def program(language: str) -> str:
    text = (ROOT / "docs" / "other-languages.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(found)


def environment(world: Endpoints) -> dict[str, str]:
    lines = (world.directory / "kimulator.env").read_text(encoding="utf-8").splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize("language", ["java", "csharp"])
def test_what_a_program_reads_from_the_environment_is_there(
    world: Endpoints, language: str
) -> None:
    wanted = set(re.findall(r"\b[Ee]nv\(\"([A-Z0-9_]+)\"\)", program(language)))
    assert len(wanted) > 10
    assert {f"KIMULATOR_{name}" for name in wanted} <= set(environment(world))


def test_the_java_program_runs(world: Endpoints, tmp_path: Path) -> None:
    jars = [LIBRARIES / "jakarta-mail.jar", LIBRARIES / "jakarta-activation.jar"]
    java = shutil.which("java")
    if java is None or not all(jar.is_file() for jar in jars):
        pytest.skip("no Java, or no Jakarta Mail (Debian: libjakarta-mail-java)")
    reset_all(world.controls().values())
    # the implementation has had its name since 2.0.1; Debian's is older
    source = program("java").replace("org.eclipse.angus.mail.", "com.sun.mail.")
    (tmp_path / "KimProbe.java").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [java, "--class-path", ":".join(map(str, jars)), "KimProbe.java"],
        cwd=tmp_path,
        env={**os.environ, **environment(world)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    directory, *answer, fetched = done.stdout.splitlines()
    assert world.participants["klinik"].address in directory
    assert "GetCardsResponse" in "".join(answer)
    assert fetched == "Rückfrage: text/plain; charset=UTF-8"
