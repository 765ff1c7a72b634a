"""What a flow run leaves to read: tables of its stages and gates, links to report and pages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm.lineage import dependency_hashes
from llm.mlflow_tracking import DEPENDENCY_TAG, STAGE_TAG, connect, tracking_is_on, tracking_uri
from pipelines.stage import StageOutcome

REPORT = Path("data/reports/report.html")
DATA_DOCS = Path("data/data_docs")
OVERVIEW = DATA_DOCS / "index.html"
VERDICT = "verdict.json"  # in a gate's Data Docs: its last run, passed or failed
_GATE = "validate_"  # how stages begin that are gates
_SHOWN = 3  # expectations named that failed


def publish(outcomes: Sequence[StageOutcome], *, root: Path) -> None:
    """Make Prefect artifacts of a pipeline run."""
    from prefect.artifacts import create_link_artifact, create_table_artifact

    runs = mlflow_runs([outcome.stage for outcome in outcomes], root=root)
    create_table_artifact(
        key="stages",
        table=[row(outcome, runs.get(outcome.stage, "")) for outcome in outcomes],
        description="Every stage of this run: ran, or cached because nothing it reads changed.",
    )
    gates = gate_rows(outcomes, root=root)
    if gates:
        create_table_artifact(
            key="gates",
            table=gates,
            description="What each gate expects of the data, and what failed.",
        )
    for key, (text, address) in links(root).items():
        create_link_artifact(key=key, link=address, link_text=text)


def row(outcome: StageOutcome, mlflow_run: str) -> dict[str, Any]:
    """One line of the results table."""
    metrics = ", ".join(f"{key} {value:.6g}" for key, value in outcome.metrics.items())
    return {
        "stage": outcome.stage,
        "state": outcome.state,
        "seconds": outcome.seconds,
        "exit_code": outcome.exit_code,
        "metrics": metrics,
        "mlflow_run": mlflow_run,
    }


def gate_rows(outcomes: Sequence[StageOutcome], *, root: Path) -> list[dict[str, Any]]:
    """One line per gate: passed, failed or not reached in this run, and what its last run found."""
    rows = []
    for outcome in outcomes:
        if not outcome.stage.startswith(_GATE):
            continue
        gate = outcome.stage.removeprefix(_GATE)
        state = {"failed": "failed", "not started": "not reached"}.get(outcome.state, "passed")
        found = _verdict(root / DATA_DOCS / gate / VERDICT) if state != "not reached" else {}
        results = found.get("results", [])
        wrong = [_told(result) for result in results if not result["success"]]
        told = "; ".join(wrong[:_SHOWN]) + ("; and more" if len(wrong) > _SHOWN else "")
        if state == "failed" and not wrong:
            told = "ended before it could judge, see its log"
        rows.append(
            {
                "gate": gate,
                "state": state,
                "expectations": len(results),
                "failed": len(wrong),
                "what_failed": told or found.get("remark", ""),
                "data_docs": f"{(root / OVERVIEW).resolve().as_uri()}#{gate}" if found else "",
            }
        )
    return rows


def _told(result: dict[str, Any]) -> str:
    """What failed, and the first row at fault."""
    told = str(result["meaning"])
    for case in result.get("cases", [])[:1]:
        told += f" ({case['where']}: {case['found']})"
    return told


def _verdict(path: Path) -> dict[str, Any]:
    """A gate's last run; {} where its pages were removed, which nothing depends on."""
    if not path.is_file():
        return {}
    verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return verdict


def links(root: Path) -> dict[str, tuple[str, str]]:
    """Text and address of what there is to read, by artifact key."""
    found: dict[str, tuple[str, str]] = {}
    if (root / REPORT).is_file():
        found["report"] = ("The report", (root / REPORT).resolve().as_uri())
    if (root / OVERVIEW).is_file():
        found["data-docs"] = ("Data Docs: all gates", (root / OVERVIEW).resolve().as_uri())
    for page in sorted((root / DATA_DOCS).glob("*/**/index.html")):
        name = page.relative_to(root / DATA_DOCS).parts[0]
        found.setdefault(f"data-docs-{name}", (f"Data Docs: {name}", page.resolve().as_uri()))
    uri = tracking_uri(root)
    if uri.startswith("http"):
        found["mlflow"] = ("MLflow", uri)
    return found


def mlflow_runs(stages: Sequence[str], *, root: Path) -> dict[str, str]:
    """The MLflow run that made each stage's present outputs: the newest with the same inputs.

    {} where MLflow does not answer: links are a courtesy.
    """
    if not tracking_is_on():
        return {}
    with contextlib.suppress(Exception):
        client, experiment = connect(root)
        found: dict[str, str] = {}
        for stage in stages:
            wanted = dependency_hashes(root, stage)
            candidates = client.search_runs(
                [experiment],
                filter_string=f"tags.{STAGE_TAG} = '{stage}' and attributes.status = 'FINISHED'",
                order_by=["attributes.start_time DESC"],
                max_results=20,
            )
            for run in candidates:
                tags = run.data.tags
                if all(tags.get(DEPENDENCY_TAG + path) == md5 for path, md5 in wanted.items()):
                    found[stage] = run.info.run_id
                    break
        return found
    return {}
