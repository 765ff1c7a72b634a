"""The gate: Great Expectations checks a contract, shows it in Data Docs, and stops what fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.errors import InputError
from llm.files import new_directory, write_json
from llm.validation import overview
from llm.validation.contract import Contract, Rule

if TYPE_CHECKING:
    import pandas as pd

RUNS_KEPT = 5  # in Data Docs
FACTS, SAMPLE = "every_row", "sample"
_CASES_TOLD = 3  # per expectation, in the error; the page names more
_HISTORY = "history"  # inside Data Docs: the results of the last runs, for the next site
_STORE = Path("uncommitted", "validations")  # where a Great Expectations root keeps results
_SITE = Path("uncommitted", "data_docs", "local_site")


def check(
    contract: Contract, *others: Contract, out: Path, docs: Path, remedy: str | None = None
) -> dict[str, Any]:
    """Check contracts; write Data Docs, then the result at `out`; return the stage's metrics.

    contract: names the gate; others: checked with it. out: a small JSON file, a function of data
    and settings alone, written only if all is well. docs: a folder with the last runs, holding
    times, rebuilt as a whole: not for DVC. The page index.html beside it shows all gates. Raises
    InputError that lists every expectation that failed.
    """
    out.unlink(missing_ok=True)
    verdict = judge(contract, *others, docs=docs, remedy=remedy)
    write_json(out, verdict)
    return {**verdict, "expectations": len(verdict["expectations"])}


def judge(
    contract: Contract, *others: Contract, docs: Path, remedy: str | None = None
) -> dict[str, Any]:
    """As `check`, but the result is returned whole and not written."""
    contracts = (contract, *others)
    mend = remedy or (
        "look at a row with: python -m llm inspect FILE --from ROW --limit 1; mend the data, or "
        f"change the section validate_{contract.suite} of params.yaml"
    )
    results = _run(contracts, docs, mend)
    page = docs.parent / overview.PAGE
    failed = [result for result in results if not result["success"]]
    if failed:
        raise InputError(
            f"{len(failed)} of {len(results)} expectations on the {contract.suite} failed:"
            + "".join(f"\n    {line}" for result in failed for line in _describe(result)),
            where=f"the contract of {contract.suite}; to read: {page}",
            remedy=mend,
        )
    print(f"All {len(results)} expectations on the {contract.suite} hold: {page}", flush=True)
    return {
        "success": True,
        "suite": contract.suite,
        "facts": {name: fact for one in contracts for name, fact in one.facts.items()},
        "statistics": {name: fact for one in contracts for name, fact in one.statistics.items()},
        "sample_rows": sum(one.sample.num_rows for one in contracts),
        "expectations": results,
    }


def _run(contracts: Sequence[Contract], docs: Path, remedy: str) -> list[dict[str, Any]]:
    """The results of all expectations, in the contracts' order; cases beside those that failed."""
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="data-docs-") as temporary, _foreign_warnings_off():
        root = Path(temporary).resolve()
        run = _restore_history(docs, root)
        context = _open_context(root)
        results = []
        for contract in contracts:
            source = context.data_sources.add_pandas(contract.suite)
            for name, frame, rules in (
                (FACTS, pd.DataFrame([dict(contract.facts)]), contract.fact_rules),
                (SAMPLE, contract.sample.to_pandas(), contract.sample_rules),
            ):
                if rules:
                    found = _validate(context, source, contract.suite, name, frame, rules, run)
                    results += _with_cases(found, contract) if name == FACTS else found
        context.build_data_docs()
        with new_directory(docs) as folder:
            shutil.copytree(root / _SITE, folder, dirs_exist_ok=True)
            shutil.copytree(root / _STORE, folder / _HISTORY)
    overview.show(
        docs,
        gate=contracts[0].suite,
        results=results,
        pages={" ".join(place): _page(docs, *place, run) for place in _places(results)},
        remedy=remedy,
        statistics={name: fact for one in contracts for name, fact in one.statistics.items()},
    )
    return results


def _with_cases(results: list[dict[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """Results, with the rows at fault beside those that failed."""
    return [
        result
        if result["success"]
        else {
            **result,
            "cases": [asdict(case) for case in contract.cases.get(result["column"], ())],
        }
        for result in results
    ]


def _places(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The suite and the table of each result, once, in order."""
    return list(dict.fromkeys((result["suite"], result["rows"]) for result in results))


def _page(docs: Path, suite: str, rows: str, run: str) -> Path:
    return next(docs.glob(f"validations/{suite}/{rows}/{run}/*/*.html"))


@contextlib.contextmanager
def _foreign_warnings_off() -> Iterator[None]:
    """What Great Expectations' own code uses will change one day: that is for its makers."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _open_context(root: Path) -> Any:
    """A context whose stores and site stand in `root`, without telemetry and progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the package is imported
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        FilesystemStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=FilesystemStoreBackendDefaults(root_directory=root),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )


def _validate(
    context: Any,
    source: Any,
    suite_name: str,
    rows: str,
    frame: pd.DataFrame,
    rules: list[Rule],
    run: str,
) -> list[dict[str, Any]]:
    """Check the rules on one table; results in the order of the rules."""
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    suite = gx.ExpectationSuite(name=f"{suite_name}.{rows}")
    for number, rule in enumerate(rules):
        suite.add_expectation_configuration(
            ExpectationConfiguration(
                type=rule.expectation,
                kwargs={"column": rule.column, **rule.arguments},
                description=rule.meaning,
                meta={"number": number},
            )
        )
    context.suites.add(suite)
    batch = source.add_dataframe_asset(rows).add_batch_definition_whole_dataframe("all")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=f"{suite_name}.{rows}", data=batch, suite=suite)
    )
    outcome = definition.run(
        batch_parameters={"dataframe": frame},
        run_id=RunIdentifier(run_name=run),
        result_format="SUMMARY",
    )
    found = sorted(outcome.results, key=lambda r: r.expectation_config.meta["number"])
    return [
        {"suite": suite_name, "rows": rows, **_plain(rule, result)}
        for rule, result in zip(rules, found, strict=True)
    ]


def _plain(rule: Rule, result: Any) -> dict[str, Any]:
    """One result as plain values that data and settings determine."""
    found = result.result
    observed: object
    if "observed_value" in found:
        value = found["observed_value"]
        observed = value.item() if hasattr(value, "item") else value
    elif "element_count" in found:
        observed = {
            "rows": int(found["element_count"]),
            "unexpected": int(found["unexpected_count"]),
        }
    else:  # the expectation could not be judged: one exception per metric beneath it
        told = result.exception_info
        nested = [told] if "exception_message" in told else list(told.values())
        messages = sorted({str(one["exception_message"]).splitlines()[0] for one in nested})
        observed = {"error": "; ".join(messages)}
    return {
        "expectation": rule.expectation,
        "column": rule.column,
        "success": bool(result.success),
        "observed": observed,
        "expected": dict(rule.arguments),
        "meaning": rule.meaning,
    }


def _describe(result: Mapping[str, Any]) -> Iterator[str]:
    """What failed: a line with what was found and expected, then one per row at fault."""
    found, expected = overview.in_words(result)
    where = result["column"] if result["rows"] == FACTS else f"{result['column']}, in the sample"
    yield f"{result['meaning']} ({where}): found {found}, expected {expected}"
    cases = result.get("cases", [])
    for case in cases[:_CASES_TOLD]:
        yield f"  {case['where']}: {case['found']}"
    if len(cases) > _CASES_TOLD:
        yield "  and more, on the page"


def _restore_history(docs: Path, root: Path) -> str:
    """Put the results of the last runs where the new site finds them; return this run's name."""
    history = docs / _HISTORY
    numbers = sorted({int(path.name.removeprefix("run-")) for path in history.glob("*/*/run-*")})
    kept = numbers[-(RUNS_KEPT - 1) :]
    if kept:
        shutil.copytree(history, root / _STORE)
        for path in (root / _STORE).glob("*/*/run-*"):
            if int(path.name.removeprefix("run-")) not in kept:
                shutil.rmtree(path)
    return f"run-{(numbers[-1] if numbers else 0) + 1:05d}"
