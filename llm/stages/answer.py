"""Write responses to the held-out instructions, before and after tuning, and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section
from llm.finetuning.prompts import PromptStyle
from llm.tracking import Tracker


class Config(Section):
    """How responses are written."""

    prompt_style: PromptStyle = Field(
        description="How a prompt is written; the style that the model was tuned with."
    )
    maximum_new_tokens: int = Field(description="Longest response, in tokens.", ge=1)
    batch_size: int = Field(description="Responses written side by side.", ge=1)
    limit: int | None = Field(
        description="Only the first so many test records, in the order of their ids; null: all.",
        ge=1,
    )
    temperature: float = Field(
        description="0 takes the likeliest token, 1 draws by the model's probabilities.", ge=0
    )
    seed: int = Field(description="Seed of drawing.", ge=0)


def run(
    config: Config,
    *,
    base: Path,
    instructed: Path,
    instructions: Path,
    tokenizer: Path,
    answers: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Write answers.parquet of ANSWER_SCHEMA; return exact match, ROUGE-L and chrF."""
    import time

    from llm.corpus.instructions import read_records
    from llm.evaluation.answers import answer_table, write_responses
    from llm.evaluation.metrics import by_group, chrf, exact_match, is_exact_match, rouge_l
    from llm.files import new_directory, read_manifest, write_manifest, write_parquet
    from llm.runtime import choose_runtime
    from llm.tokens.tokenizer import load
    from llm.weights.export import load_model
    from llm.weights.tensors import WEIGHTS

    runtime = choose_runtime(seed=config.seed, precision="auto")
    records = read_records(instructions, "test")[: config.limit]
    words = load(tokenizer)
    responses: dict[str, list[str]] = {}
    judged: dict[str, str] = {}
    for name, folder, made_by in (
        ("before", base, "import_gpt2"),
        ("after", instructed, "finetune_instructions"),
    ):
        began = time.perf_counter()
        responses[name] = write_responses(
            load_model(folder, made_by=made_by).to(runtime.device),
            records,
            tokenizer=words,
            style=config.prompt_style,
            maximum_new_tokens=config.maximum_new_tokens,
            batch_size=config.batch_size,
            temperature=config.temperature,
            seed=config.seed,
            runtime=runtime,
            title=f"responses {name} tuning",
        )
        seconds = time.perf_counter() - began
        tracker.log_timings({f"responses_per_second_{name}": round(len(records) / seconds, 2)})
        judged[name] = read_manifest(folder, made_by=made_by)["files"][WEIGHTS]["sha256"]
    with new_directory(answers) as folder:
        table = answer_table(records, responses["after"], responses["before"])
        write_parquet(table, folder / "answers.parquet")
        # The judge refuses a model that wrote any of these responses.
        write_manifest(folder, weights_sha256=judged)
    references = [record["output"] for record in records]
    families = [record["family"] for record in records]
    metrics: dict[str, Any] = {"records": len(records)}
    for name, suffix in (("after", ""), ("before", "_before")):
        written = responses[name]
        metrics |= {
            f"exact_match{suffix}": exact_match(written, references),
            f"rouge_l{suffix}": rouge_l(written, references),
            f"chrf{suffix}": chrf(written, references),
            f"empty_responses{suffix}": sum(not response for response in written),
            f"by_family{suffix}": by_group(
                families,
                [is_exact_match(*pair) for pair in zip(written, references, strict=True)],
            ),
        }
    return metrics
