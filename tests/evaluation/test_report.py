"""The report: complete, self-contained, escaped, and the same for the same results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from llm.evaluation.headline import HEADLINE
from llm.evaluation.report import render
from llm.evaluation.results import Facts
from llm.files import write_json


class Links(HTMLParser):
    """Collects what a page points at and what it can be pointed at."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.anchors: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        href = str(values.get("href") or "")
        if tag == "a" and href.startswith("#"):
            self.anchors.add(href[1:])
        if tag in ("script", "img", "link", "iframe"):
            self.fetched.append(f"{tag} {values}")


def test_the_page_shows_every_headline_number_and_fetches_nothing(
    read_facts: Callable[[], Facts],
) -> None:
    page = render(read_facts(), title="A title")
    links = Links()
    links.feed(page)
    assert links.fetched == []
    for number in HEADLINE:
        assert number.key in page
    assert "3.25" in page and "trigram model 3.5" in page
    assert "0123456789abcdef.dir" in page and "fedcba9876543210" in page
    assert "CC0-1.0" in page and "1,234,567" in page
    assert "75 %" in page and "ab" * 32 in page
    assert "5 (25 %)" in page and "12.5 %" in page and "call &lt;now&gt; for" in page
    assert "riddles: 1 of 9" in page and "<td>none</td>" in page
    mixture = page[page.index("tales &amp; fables") :]
    assert mixture.index("37.5 %") < mixture.index("38 %") < mixture.index("4.5")
    assert "language en" in page and "1.375" in page and "4.875" in page and "no file" in page
    assert page.count("<svg") >= 8
    assert "lineage-pretrain" in links.ids & links.anchors


def test_cautions_stand_on_the_page_only_where_there_are_any(
    results: dict[str, Path], read_facts: Callable[[], Facts]
) -> None:
    assert "Read with care" not in render(read_facts(), title="x")
    path = results["results"] / "judge.json"
    write_json(path, {**json.loads(path.read_text()), "auc": 0.57})
    assert "AUC 0.57" in render(read_facts(), title="x")


def test_steps_out_of_the_ordinary_stand_on_the_page_only_where_there_are_any(
    results: dict[str, Path], read_facts: Callable[[], Facts]
) -> None:
    assert "out of the ordinary" not in render(read_facts(), title="x")
    common = {"usual_loss": 3.5, "usual_gradient_norm": None, "samples": ["window 3: d<1>, d2"]}
    incidents = [
        {"step": 1300, "kind": "not finite", "loss": "nan", "gradient_norm": "inf", **common},
        {"step": 1400, "kind": "loss", "loss": 9.125, "gradient_norm": 1.0, **common},
    ]
    for stage in ("pretrain", "finetune_classifier"):
        path = results["results"] / f"{stage}.json"
        write_json(path, {**json.loads(path.read_text()), "incidents": incidents})
    page = render(read_facts(), title="x")
    assert page.count("out of the ordinary") == 2
    table = page[page.index("out of the ordinary") :]
    for cell in ("1,300", "not finite", "nan", "inf", "1,400", "9.125", "window 3: d&lt;1&gt;, d2"):
        assert cell in table


def test_gates_and_drift_stand_in_words(
    results: dict[str, Path], read_facts: Callable[[], Facts]
) -> None:
    page = render(read_facts(), title="Run")
    assert "<td>no document stands in two splits</td><td>ids in two splits</td>" in page
    assert "Drift" not in page
    drift: dict[str, Any] = {
        "accepted_as": "tiny",
        "accepted": None,
        "now": {"documents": 5342, "sources": {"tales": 1}, "fresh": 3},
        "changes": {},
    }
    write_json(results["results"] / "validate_drift.json", drift)
    assert "no earlier version of the data is accepted as tiny" in render(read_facts(), title="Run")
    drift["accepted"] = {"documents": 5000, "sources": {"tales": 1}}
    drift["changes"] = {"documents_change": 0.0684, "sources_stability_index": 0.125}
    write_json(results["results"] / "validate_drift.json", drift)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", render(read_facts(), title="Run"))
    at = cells.index("documents", cells.index("ids in two splits"))
    assert cells[at : at + 4] == ["documents", "5,000", "5,342", "6.84 %"]
    assert cells[at + 4 : at + 8] == ["shares of sources", "", "", "index 0.125"]
    assert "fresh" not in cells


def test_text_made_by_the_model_or_the_data_is_escaped(read_facts: Callable[[], Facts]) -> None:
    page = render(read_facts(), title="<i>title</i>")
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "Once <b>" not in page and "<i>title" not in page


def test_equal_results_give_equal_bytes(read_facts: Callable[[], Facts]) -> None:
    first, second = (render(read_facts(), title="A title") for _ in range(2))
    assert first == second
