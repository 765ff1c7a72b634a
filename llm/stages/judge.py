"""Score the responses: by a language model's likelihood, by a chat model, or by both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from llm.config import Section
from llm.finetuning.prompts import PromptStyle


class ChatConfig(Section):
    """The chat judge. Its address and secret stand in LLM_JUDGE_URL and LLM_JUDGE_KEY."""

    model: str | None = Field(description="Name of the model, as its server calls it.")
    json_replies: bool = Field(
        description="Hold the server to the JSON schema of a reply; off for servers without that."
    )
    maximum_parse_failure_fraction: float = Field(
        description="Share of replies without a readable score from which the stage fails.",
        ge=0,
        le=1,
    )
    discrimination_records: int = Field(
        description="Records on which the chat judge must tell references from shuffled ones.",
        ge=2,
    )
    retries: int = Field(description="Further tries of a request that failed.", ge=0)
    timeout_seconds: float = Field(description="Longest wait for one reply, in seconds.", gt=0)


class Config(Section):
    """How responses are judged."""

    prompt_style: PromptStyle = Field(
        description="How a prompt is written; the style that the judge's model was tuned with."
    )
    method: Literal["likelihood", "chat", "both"] = Field(
        description="likelihood needs no server; chat asks one; with both, chat gives the score."
    )
    batch_size: int = Field(description="Responses scored side by side.", ge=1)
    shuffle_seed: int = Field(description="Seed of shuffled references and of the chat.", ge=0)
    chat: ChatConfig = Field(description="The chat judge, where the method asks for one.")

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.method != "likelihood" and not self.chat.model:
            raise ValueError(f"method {self.method} needs chat.model")
        return self


def run(
    config: Config,
    *,
    answers: Path,
    judge_weights: Path,
    tokenizer: Path,
    scores: Path,
    replies: Path,
) -> dict[str, Any]:
    """Write scores.parquet and discrimination.json; return the mean score and the judge's AUC.

    replies: where the chat judge's replies are kept until all are there. Raises InputError where
    the judge's model is one of the judged, or too many replies cannot be read; ServiceError where
    the server does not answer.
    """
    import shutil

    from llm.evaluation.answers import ANSWER_SCHEMA
    from llm.evaluation.judging import (
        judge_by_chat,
        judge_by_likelihood,
        judge_metrics,
        score_table,
    )
    from llm.files import (
        new_directory,
        open_parquet,
        read_manifest,
        write_json,
        write_manifest,
        write_parquet,
    )

    judged = read_manifest(answers, made_by="answer")["weights_sha256"]
    records = (
        open_parquet(answers / "answers.parquet", schema=ANSWER_SCHEMA, made_by="answer")
        .read()
        .to_pylist()
    )
    found = []
    if config.method != "chat":
        found.append(
            judge_by_likelihood(
                records,
                judged=judged,
                judge_weights=judge_weights,
                tokenizer_dir=tokenizer,
                style=config.prompt_style,
                batch_size=config.batch_size,
                seed=config.shuffle_seed,
            )
        )
    if config.method != "likelihood":
        found.append(
            judge_by_chat(
                records,
                replies=replies,
                model=config.chat.model or "",
                json_replies=config.chat.json_replies,
                maximum_parse_failure_fraction=config.chat.maximum_parse_failure_fraction,
                discrimination_records=config.chat.discrimination_records,
                retries=config.chat.retries,
                timeout_seconds=config.chat.timeout_seconds,
                seed=config.shuffle_seed,
            )
        )
    with new_directory(scores) as folder:
        write_parquet(score_table(records, found), folder / "scores.parquet")
        write_json(folder / "discrimination.json", {j.name: j.quality for j in found})
        write_manifest(folder, judges=[judgement.name for judgement in found])
    shutil.rmtree(replies, ignore_errors=True)
    return judge_metrics(records, found)
