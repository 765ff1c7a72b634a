"""Responses: in the order of the records, whatever the batches."""

from __future__ import annotations

from llm.evaluation.answers import ANSWER_SCHEMA, answer_table, write_responses
from llm.finetuning.prompts import format_prompt
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer

RECORDS = [
    {
        "id": str(number),
        "family": "",
        "instruction": f"Say {'the cat ' * (7 - number)}",
        "input": "",
        "output": "x",
    }
    for number in range(7)
]


def test_each_record_gets_the_response_to_its_own_prompt(
    model: GPTModel, tokenizer: Tokenizer, runtime: Runtime
) -> None:
    responses = write_responses(
        model,
        RECORDS,
        tokenizer=tokenizer,
        style="plain",
        maximum_new_tokens=5,
        batch_size=3,
        temperature=0.0,
        seed=1,
        runtime=runtime,
        title="responses",
    )
    for record, response in zip(RECORDS, responses, strict=True):
        prompt = tokenizer.encode(format_prompt("plain", instruction=record["instruction"]))
        (alone,) = generate(
            model, [prompt], maximum_new_tokens=5, end_of_text=tokenizer.end_of_text
        )
        assert response == tokenizer.decode(alone).strip()
    table = answer_table(RECORDS, responses, [""] * len(RECORDS))
    assert table.schema.equals(ANSWER_SCHEMA)
    assert table["reference"].to_pylist() == ["x"] * len(RECORDS)
