"""The appendix on data larger than memory gives the same outputs wherever its parts are counted."""

import json
import os
import subprocess
import sys
import warnings

import matplotlib
import nbformat
import numpy as np
import psutil
import pytest

from booktools import run

NOTEBOOK = run.BOOK / "appendix_beyond_memory.ipynb"
SETUP = "memory-setup"
MISSING = "ImportError: This appendix needs dask: run `pip install 'dask[distributed]'`"

# Executes a notebook with one more cell at its end, and prints the outputs of all as JSON.
# In a process of its own, so that what Dask or the kernel leave behind cannot reach pytest.
EXECUTE = """
import json, sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
notebook.cells.append(nbformat.v4.new_code_cell(sys.argv[2]))
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs = []
NotebookClient(notebook, timeout=300, resources={"metadata": {"path": sys.argv[3]}}).execute()
outputs = {}
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        kind = output.get("name") or output.output_type
        text = output.get("text", "")
        outputs.setdefault(cell.id, {}).setdefault(kind, []).append(text)
last = notebook.cells[-1].id
print(json.dumps([{k: {n: "".join(t) for n, t in v.items()} for k, v in outputs.items()}, last]))
"""

# Two workers in processes of their own. Prints the scheduler's address and the processes, waits
# until its input is closed, and prints how many parts the workers counted.
CLUSTER = """
import json, os, sys
import psutil
from distributed import LocalCluster, SchedulerPlugin

class Counted(SchedulerPlugin):
    parts = 0
    def transition(self, key, start, finish, *args, **kwargs):
        if start == "processing" and finish == "memory" and str(key).startswith("count_part-"):
            self.parts += 1

if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address="127.0.0.1:0", worker_dashboard_address="127.0.0.1:0",
    ) as cluster:
        counted = Counted()
        cluster.scheduler.add_plugin(counted)
        workers = [worker.pid for worker in cluster.workers.values()]
        print(json.dumps([cluster.scheduler_address, workers]), flush=True)
        sys.stdin.read()
        print(counted.parts, flush=True)
"""

# What the notebook's own `connect` finds, and on which addresses its process listens.
ASK = """
import json
import psutil
with connect() as client:
    address = client and client.scheduler.address
    workers = client and sorted(client.run(os.getpid).values())
    process = psutil.Process()
    sockets = getattr(process, "net_connections", None) or process.connections
    listening = {s.laddr.ip for s in sockets("inet") if s.status == psutil.CONN_LISTEN}
print(json.dumps([address, workers, sorted(listening)]))
"""


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DASK_")}
    path = [str(run.BOOK.parent), env.get("PYTHONPATH", "")]
    return env | {"PYTHONPATH": os.pathsep.join(filter(None, path))} | more


def execute(env):
    """Outputs of the notebook's cells by cell id, and what ASK printed."""
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(NOTEBOOK), ASK, str(run.BOOK)],
        env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs, last = json.loads(done.stdout)
    return outputs, json.loads(outputs.pop(last)["stdout"])


def stored():
    outputs = {}
    for cell in nbformat.read(NOTEBOOK, 4).cells:
        for output in cell.get("outputs", []):
            kind = output.get("name") or output.output_type
            kinds = outputs.setdefault(cell.id, {})
            kinds[kind] = kinds.get(kind, "") + output.get("text", "")
    return outputs


def hidden(tmp_path, *names):
    """A folder in which packages of these names cannot be imported."""
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name} here')\n")
    return str(tmp_path)


@pytest.fixture(scope="module")
def functions():
    """What the notebook defines up to `count_all`: its code, run here, without a cluster."""
    namespace = {}
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Dask's own imports may say
        for cell in nbformat.read(NOTEBOOK, 4).cells:
            if cell.cell_type == "code" and "mystnb" not in cell.metadata:
                source = cell.source.partition("\nwith connect()")[0]
                exec(compile(source, cell.id, "exec"), namespace)
                if "def count_all" in source:
                    return namespace
    raise AssertionError("the notebook has no count_all")


def test_without_distributed_threads_count_the_same(tmp_path):
    folder = hidden(tmp_path, "distributed")
    env = environment()
    env["PYTHONPATH"] = folder + os.pathsep + env["PYTHONPATH"]
    outputs, (address, workers, _) = execute(env)
    assert outputs == stored()
    assert (address, workers) == (None, None)


def test_a_cluster_in_the_process_counts_the_same_and_keeps_to_this_machine():
    outputs, (address, workers, listening) = execute(environment())
    assert outputs == stored()
    assert address.startswith("tcp://127.0.0.1:") and len(workers) == 1
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("variable", ["DASK_SCHEDULER", "DASK_SCHEDULER_ADDRESS"])
def test_a_cluster_of_two_processes_counts_the_same(variable, tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    family = []
    # The workers start in a folder that holds nothing of the notebook.
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment(), cwd=tmp_path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as cluster:  # fmt: skip
        try:
            first = cluster.stdout.readline()
            assert first, cluster.stderr.read()
            scheduler, pids = json.loads(first)
            family = psutil.Process(cluster.pid).children(recursive=True)
            outputs, (address, workers, _) = execute(environment(**{variable: scheduler}))
            parts, complaints = cluster.communicate(timeout=60)
            _, left_over = psutil.wait_procs(family, timeout=30)
        finally:
            for process in family:
                if process.is_running():
                    process.kill()
            cluster.kill()  # does nothing to a process that has ended
    assert outputs == stored()
    assert scheduler.startswith("tcp://127.0.0.1:") and address == scheduler
    assert workers == sorted(pids) and len(set(pids)) == 2
    assert set(pids) <= {process.pid for process in family}
    assert int(parts) >= 40
    assert left_over == []
    assert cluster.returncode == 0, complaints


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7, 16])
def test_threads_add_tables_exactly(functions, n_parts, capsys):
    rng = np.random.default_rng(n_parts)
    symbols = rng.integers(0, 50, size=10_000)
    cuts = np.sort(rng.integers(0, symbols.size, size=n_parts - 1))
    table = functions["delayed"](np.bincount)
    parts = [table(part, minlength=50) for part in np.split(symbols, cuts)]
    total = functions["count_all"]([parts[i] for i in rng.permutation(n_parts)])
    assert total.tolist() == np.bincount(symbols, minlength=50).tolist()
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{n_parts} of {n_parts} parts"


def test_a_part_that_fails_is_an_error_and_no_smaller_sum(functions):
    def fail():
        raise OSError("this part cannot be read")

    delayed = functions["delayed"]
    parts = [delayed(np.bincount)(np.arange(3)), delayed(fail)()]
    with pytest.raises(OSError, match="cannot be read"):
        functions["count_all"](parts)


def test_no_task_adds_more_than_two_tables(functions):
    delayed = functions["delayed"]
    parts = [delayed(np.arange)(i) for i in range(40)]
    graph = dict(functions["tree_sum"](parts).dask)
    inputs = []
    for task in graph.values():
        needed = getattr(task, "dependencies", None)
        if needed is None:  # older versions of Dask wrote a task as a tuple
            needed = [x for x in task[1:] if isinstance(x, str) and x in graph]
        inputs.append(len(needed))
    assert sorted(inputs) == [0] * 40 + [2] * 39


def test_a_missing_dask_is_named_with_its_remedy(tmp_path):
    cells = nbformat.read(NOTEBOOK, 4).cells
    setup = next(cell.source for cell in cells if cell.id == SETUP)
    prelude = "import sys; sys.modules['dask'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + setup], env=environment(MPLBACKEND="Agg"),
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == MISSING
