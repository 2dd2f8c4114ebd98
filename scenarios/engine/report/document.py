"""The report for programs: JSON with everything that the page shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .coverage import coverage
from .results import NOTICE, ScenarioResult


def as_json(results: Sequence[ScenarioResult]) -> bytes:
    """Return everything as JSON."""
    content = {
        "notice": NOTICE,
        "ok": all(result.ok for result in results),
        "scenarios": [_scenario(result) for result in results],
        "coverage": [{**asdict(one), "held": one.held} for one in coverage(results)],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, default=str).encode()


def _scenario(result: ScenarioResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "world": result.world,
        "seed": result.seed,
        "began": result.began.isoformat(timespec="seconds"),
        "konnektors": [vars(used) for used in result.konnektors],
        "deviations": [vars(one) for one in result.deviations],
        "ok": result.ok,
        "seconds": round(result.seconds, 3),
        "steps": [vars(step) for step in result.steps],
        "checks": [
            {
                "rule": check.rule.name,
                "requirement": check.rule.requirement,
                "title": check.rule.title,
                "of": check.of,
                "status": check.verdict.status.name.lower(),
                "evidence": check.verdict.evidence,
            }
            for check in result.checks
        ],
        "messages": [
            {
                "name": way.name,
                "message_id": way.message_id,
                "way": [vars(hop) for hop in way.hops],
            }
            for way in result.ways
        ],
        "xrays": [
            {"name": one.name, "where": one.where, "xray": one.root.as_data()}
            for one in result.xrays
        ],
    }
