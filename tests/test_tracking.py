"""The null tracker takes everything; the memory tracker remembers it; both keep the protocol."""

from pathlib import Path

import pytest

from llm.tracking import MemoryTracker, NullTracker, Tracker


def tell(tracker: Tracker) -> None:
    tracker.log_params({"a": {"b": 1}})
    tracker.log_metrics({"loss": 2.0}, step=3)
    tracker.log_timings({"seconds": 1.5})
    tracker.log_text("once", "samples/0.txt")
    tracker.log_artifact(Path("report.html"))
    tracker.set_tags({"commit": "c"})
    tracker.register_model("gpt", Path("data/models/pretrained"))


@pytest.mark.parametrize("tracker", [NullTracker(), MemoryTracker()])
def test_every_tracker_takes_everything(tracker: Tracker):
    tell(tracker)


def test_memory_remembers():
    tracker = MemoryTracker()
    tell(tracker)
    assert tracker.metrics == [(3, {"loss": 2.0})]
    assert tracker.timings == {"seconds": 1.5}
    assert tracker.texts == {"samples/0.txt": "once"}
    assert tracker.models == {"gpt": Path("data/models/pretrained")}
