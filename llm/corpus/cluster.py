"""A Ray cluster as the place of work, asked for by DAFT_RUNNER=ray, as Daft's own stages do.

RAY_ADDRESS, Ray's own variable, names a running cluster (host:port of its head, or auto); without
it a Ray of this machine is started, and stopped at the end. Nodes need this checkout and the data
at the same paths, as a shared file system gives them; or the command is handed in by
`ray job submit --working-dir . -- python -m llm ...`, which brings the code to every node, and
the data stands on a shared file system, named by absolute paths.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pickle
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from llm.corpus.watch import Listener, knock, while_joining, while_working
from llm.errors import ConfigError, ServiceError
from llm.work_cache import code_stamp

T = TypeVar("T")
R = TypeVar("R")

# Ray itself gives a head up after 60 seconds, and a process within ten of its own node's death.
_HEAD_SECONDS, _NODE_SECONDS = 45.0, 2.0
_IN_FLIGHT = 4  # tasks per processor of the cluster
# For results on their way. A container's /dev/shm may be smaller: Ray then takes the disk.
_STORE_BYTES = 256 * 2**20
_TOKEN = Path("~/.ray/auth_token")
_SAME_CODE = (
    "let every node see this checkout and its .venv at the same path, start Ray there from it, "
    "then start the command again"
)


def is_wanted() -> bool:
    """Whether the environment asks for Ray."""
    return os.environ.get("DAFT_RUNNER", "").lower() == "ray"


@contextlib.contextmanager
def connected() -> Iterator[Any]:
    """The module ray, connected to the cluster; a Ray that was started here ends here.

    Quiet: no dashboard, no usage reports, no logs but errors. Raises ConfigError where Ray is not
    installed, ServiceError where the cluster does not answer; one that is lost later ends the
    process with those words and that exit code.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_IGNORE_UNHANDLED_ERRORS"] = "1"  # of tasks cancelled after another's fault
    if _TOKEN.expanduser().exists():  # `ray start --head` asks for it then; Ray's clients do not
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    ray = _import_ray()
    if ray.is_initialized():
        yield ray
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {}
    if address == "local":
        own = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        knock(address)
        with while_joining(address):
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **own)
    except (OSError, RuntimeError, ValueError) as error:
        raise ServiceError(
            "The Ray cluster does not answer.",
            where=f"environment variable RAY_ADDRESS, {address}",
            found=str(error).strip().splitlines()[0],
            expected="a running cluster of the same version of Ray and of Python",
            remedy="start it (ray start --head) and give the command on one of its nodes, mend the "
            f"address, bring the head's {_TOKEN} here and set RAY_AUTH_MODE=token, or unset "
            "RAY_ADDRESS to start Ray on this machine",
        ) from error
    try:
        with while_working(address, _listeners(ray)):
            yield ray
    finally:
        ray.shutdown()


def _listeners(ray: Any) -> list[Listener]:
    """The head, and the node through which this process takes part."""
    here = ray.get_runtime_context()
    node = next(node for node in ray.nodes() if node["NodeID"] == here.get_node_id())
    own = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
    return [
        Listener("the head", here.gcs_address, _HEAD_SECONDS),
        Listener("the node of this process", own, _NODE_SECONDS),
    ]


@contextlib.contextmanager
def where_asked() -> Iterator[None]:
    """Connected to the cluster where the environment asks for Ray; Daft then works there."""
    # It would say that it takes the connection that it is given.
    logging.getLogger("daft.runners.ray_runner").setLevel(logging.ERROR)
    with connected() if is_wanted() else contextlib.nullcontext():
        yield


def ordered_map(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Yield function(item) for every item, in order, whichever node is done first.

    At most four items per processor of the cluster are in flight. A fault in `function` reaches
    the caller as it was raised; a task whose node dies is done again elsewhere. Ctrl-C, and a
    caller that stops early, cancel what is in flight. Raises ServiceError where a node lacks the
    code or has another than this process, and where the cluster loses a task again and again.
    """
    code = _code_of(function)
    stamp = code_stamp(code) if code else ""
    with connected() as ray:
        remote = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_work)
        shared = ray.put(function)
        waiting: deque[Any] = deque()
        nodes: Counter[str] = Counter()

        def first() -> R:
            node, answer = _fetch(ray, waiting.popleft())
            nodes[node] += 1
            return pickle.loads(answer)

        try:
            for item in items:
                waiting.append(remote.remote(shared, item, code, stamp))
                processors = int(ray.cluster_resources().get("CPU", 1))  # it may grow meanwhile
                while len(waiting) >= _IN_FLIGHT * max(1, processors):
                    yield first()
            while waiting:
                yield first()
        finally:
            for task in waiting:
                ray.cancel(task, force=True)
        shares = ", ".join(f"{count:,} on node {name[:8]}" for name, count in sorted(nodes.items()))
        print(f"ray: {nodes.total():,} tasks: {shares}", flush=True)


def _work(function: Callable[[T], R], item: T, code: str, stamp: str) -> tuple[str, bytes]:
    """Runs on a node. The answer travels as bytes: an Arrow table of its own would stay in Ray's
    store, which is small, for as long as the caller holds it."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    if code and _stamp_here(code) != stamp:
        raise ServiceError(
            "A node of the cluster has other code, or other versions of its packages.",
            where=f"node {node[:8]}, {ray.util.get_node_ip_address()}",
            found=f"{code} and what it imports: {_stamp_here(code)}",
            expected=stamp,
            remedy=_SAME_CODE,
        )
    return node, pickle.dumps(function(item), protocol=5)


_stamp_here = functools.cache(code_stamp)  # once for each process of a node


def _code_of(function: Any) -> str:
    """The file of ours in which a function, a partial one or an object stands; "" for others'."""
    while isinstance(function, functools.partial):
        function = function.func
    module = str(function.__module__)
    return f"{module.replace('.', '/')}.py" if module.startswith("llm.") else ""


def _fetch(ray: Any, task: Any) -> Any:
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if not isinstance(error.cause, ray.exceptions.RayError):
            raise error.cause from error
        raise ServiceError(
            "A node of the Ray cluster cannot begin the work.",
            where=os.environ.get("RAY_ADDRESS") or "Ray on this machine",
            found=str(error.cause).strip().splitlines()[-1],
            expected="nodes that see this checkout and its environment",
            remedy=_SAME_CODE,
        ) from error
    except ray.exceptions.RayError as error:
        raise ServiceError(
            "The Ray cluster lost a task, and its repetitions.",
            where=os.environ.get("RAY_ADDRESS") or "Ray on this machine",
            found=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
            remedy="see that its nodes stay up and have memory, then start the command again: "
            "finished units are remembered",
        ) from error


def _import_ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            "DAFT_RUNNER asks for Ray, which is not installed.",
            where="environment variable DAFT_RUNNER",
            found=repr(os.environ.get("DAFT_RUNNER")),
            expected="native, or an environment with Ray",
            remedy="install it (LLM_EXTRAS=ray sh infra/setup.sh), or unset DAFT_RUNNER",
        ) from error
    return ray
