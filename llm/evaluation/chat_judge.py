"""The chat judge: a model behind an OpenAI-compatible address gives each response 0 to 100."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm.errors import ConfigError, InputError, ServiceError
from llm.progress import Progress

ADDRESS = "LLM_JUDGE_URL"
KEY = "LLM_JUDGE_KEY"

_SYSTEM = (
    "You grade responses to instructions. Compare the response with the reference. 100 means as "
    "right and complete as the reference, 0 means wrong, empty or beside the point. Another "
    'wording is no fault. Reply with JSON alone: {"score": N}, N a whole number from 0 to 100.'
)
_SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "score",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 100}},
            "required": ["score"],
            "additionalProperties": False,
        },
    },
}


class ChatJudge:
    """Asks for one score at a time and keeps every reply on disk until the work is done.

    Replies cost time or money: an interrupted run asks only for those that it lacks or could not
    read.
    """

    def __init__(
        self,
        *,
        model: str,
        seed: int,
        retries: int,
        timeout_seconds: float,
        json_replies: bool,
        replies: Path,
    ) -> None:
        """json_replies: the server is held to the JSON schema. replies: the file that keeps them.

        Raises ConfigError where the environment names no address.
        """
        import openai

        address = os.environ.get(ADDRESS)
        if not address:
            raise ConfigError(
                "The chat judge has no address.",
                where=f"environment variable {ADDRESS}",
                expected="an OpenAI-compatible address, as http://127.0.0.1:11434/v1 for Ollama",
                remedy=f"set {ADDRESS} (and {KEY} for a secret), or judge.method: likelihood",
            )
        self._address = address
        self._client = openai.OpenAI(
            base_url=address,
            api_key=os.environ.get(KEY) or "none",
            max_retries=retries,
            timeout=timeout_seconds,
        )
        self._settings: dict[str, Any] = {"model": model, "seed": seed, "temperature": 0.0}
        if json_replies:
            self._settings["response_format"] = _SCHEMA
        self._path = replies
        self._kept = _read_replies(replies)

    def replies(
        self, records: Sequence[dict[str, Any]], responses: Sequence[str], *, title: str
    ) -> list[str]:
        """What the judge says to each response, one per row of ANSWER_SCHEMA, in order.

        Raises ServiceError where the server does not answer after all retries.
        """
        texts = []
        with Progress(title, unit="replies", total=len(records)) as progress:
            for record, response in zip(records, responses, strict=True):
                messages = _messages(record, response)
                digest = hashlib.sha256(
                    json.dumps([self._settings, messages], sort_keys=True).encode()
                ).hexdigest()
                if digest not in self._kept:
                    self._kept[digest] = self._ask(messages)
                    if parse_score(self._kept[digest]) is not None:
                        self._keep(digest)
                texts.append(self._kept[digest])
                progress.advance(1)
        return texts

    def _ask(self, messages: list[Any]) -> str:
        import openai

        try:
            reply = self._client.chat.completions.create(messages=messages, **self._settings)
        except openai.OpenAIError as error:
            status = getattr(error, "status_code", None)
            raise ServiceError(
                "The chat judge does not answer."
                if status is None
                else "The chat judge refuses the request.",
                where=self._address,
                found=f"{type(error).__name__}: {str(error)[:300]}",
                expected=f"a reply of the model {self._settings['model']!r}",
                remedy=f"start the server, check {ADDRESS}, {KEY} and judge.chat, then run again; "
                "the replies so far are kept",
            ) from error
        choices = getattr(reply, "choices", None)
        return (choices[0].message.content or "") if choices else ""

    def _keep(self, digest: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([digest, self._kept[digest]]) + "\n")


def parse_score(reply: str) -> int | None:
    """The score of a reply that is exactly {"score": N}, N a whole number from 0 to 100; or None.

    "about 80", 85.5, "90", true and 120 are no scores: whoever replies so has not understood.
    """
    try:
        value = json.loads(reply)
    except (json.JSONDecodeError, RecursionError):
        return None
    score = value.get("score") if isinstance(value, dict) and set(value) == {"score"} else None
    return score if type(score) is int and 0 <= score <= 100 else None


def check_failures(scores: Sequence[int | None], replies: Sequence[str], *, limit: float) -> float:
    """The share of replies without a score; InputError where it is above `limit`."""
    failed = [reply for reply, score in zip(replies, scores, strict=True) if score is None]
    fraction = len(failed) / max(1, len(replies))
    if fraction > limit:
        raise InputError(
            "Too many of the judge's replies cannot be read.",
            where="judge.chat.maximum_parse_failure_fraction",
            found=f"{len(failed)} of {len(replies)}, the first: {failed[0][:200]!r}",
            expected=f'at most {limit:.0%}; a reply is {{"score": N}}, N from 0 to 100',
            remedy="choose a more capable judge.chat.model, or set judge.chat.json_replies",
        )
    return fraction


def _messages(record: dict[str, Any], response: str) -> list[Any]:
    given = f"Input:\n{record['input']}\n\n" if record["input"] else ""
    question = (
        f"Instruction:\n{record['instruction']}\n\n{given}"
        f"Reference:\n{record['reference']}\n\nResponse:\n{response}"
    )
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}]


def _read_replies(path: Path) -> dict[str, str]:
    """Replies of an interrupted run; a line torn by a kill is left out and asked for again."""
    kept: dict[str, str] = {}
    if path.is_file():
        content = path.read_text(encoding="utf-8", errors="replace")
        whole = content[: content.rfind("\n") + 1]
        if whole != content:
            path.write_text(whole, encoding="utf-8")
        kept = dict(json.loads(line) for line in whole.splitlines())
    return kept
