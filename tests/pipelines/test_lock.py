"""One pipeline run per checkout: the second is told so, a dead one's lock is free."""

import subprocess
import sys
from pathlib import Path

import pytest

from llm.errors import ServiceError
from pipelines.lock import one_run

HOLD = """
import sys, time
from pathlib import Path
from pipelines.lock import one_run
with one_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_dies(tmp_path: Path, root: Path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ServiceError, match=f"process {holder.pid}"), one_run(tmp_path):
            pass
        holder.kill()
    with one_run(tmp_path):
        pass


def test_the_lock_is_given_back_after_a_fault(tmp_path: Path):
    with pytest.raises(RuntimeError), one_run(tmp_path):
        raise RuntimeError
    with one_run(tmp_path):
        pass
