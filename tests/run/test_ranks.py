"""D19: what processes tell each other in a step, on gloo: all of it under way at once, its sums those of one after the other."""

import subprocess
import sys
import textwrap
from pathlib import Path

PACK = Path(__file__).resolve().parents[2]

PROCESS = """
    import importlib, os, pathlib, sys, time, types
    import torch
    from torch import distributed

    package = types.ModuleType("athanor")
    package.__path__ = [sys.argv[1]]
    sys.modules["athanor"] = package
    ranks = importlib.import_module("athanor.training_core.run.ranks")
    torch.set_num_threads(1)
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    over, stopped = pathlib.Path("over"), False
    here = ranks.join(torch.device("cpu"), lambda: stopped)
"""

SUMS = """
    ranks.BUCKET, ranks.UNDER_WAY = 100, 2
    generator = torch.Generator().manual_seed(rank)
    shapes = [(30, 3), (7,), (50, 4), (2,), (11, 11), (5,), (60, 3)]
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for i, parameter in enumerate(parameters):
        if i == 1 or (i == 3 and rank == 0):
            continue  # used by no process, and by the other one alone
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    parameters[5].grad = parameters[5].grad.bfloat16().float()

    used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
    distributed.all_reduce(used, distributed.ReduceOp.MAX)
    assert used.tolist() == [1, 0, 1, 1, 1, 1, 1]
    want, bucket = {}, []
    for i, parameter in enumerate(parameters):  # as it was: one bucket to its end, then the next
        if used[i]:
            bucket.append(i)
            if sum(parameters[j].numel() for j in bucket) >= 100 or i == 6:
                grads = [torch.zeros(shapes[j]) if parameters[j].grad is None else parameters[j].grad for j in bucket]
                together = torch.cat([g.reshape(-1) for g in grads])
                distributed.all_reduce(together)
                want |= dict(zip(bucket, together.split([g.numel() for g in grads])))
                bucket = []
    sizes = [3, 2, 3, 1]
    losses = [torch.full((n,), 10.0 * place) + torch.arange(n) for place, n in enumerate(sizes)]
    own = [losses[place] for place, _ in here.shard(sizes)]

    started, most, going = [], 0, set()
    start, finish = here._start, here._finish

    def noted_start(tensor, how):
        global most
        work = start(tensor, how)
        started.append(how)
        going.add(id(work))
        most = max(most, len(going))
        return work

    def noted_finish(work):
        finish(work)
        going.discard(id(work))

    here._start, here._finish = noted_start, noted_finish
    told = here.exchange(parameters, [own, [value / 2 for value in own]], sizes)
    assert torch.equal(told[0], torch.cat(losses)) and torch.equal(told[1], torch.cat(losses) / 2), told
    assert parameters[1].grad is None
    for i, value in want.items():
        assert torch.equal(parameters[i].grad.flatten(), value), i
    assert started == ["MAX", "SUM", "SUM", "SUM", "SUM"], started  # who was used, numbers, and three buckets
    assert most == 3 and not going, most
    assert here.any(rank == 1, False) == (True, False)
    here.wait()
    here.wait_for_main(1e9)  # the other process is told, and does not wait until somebody kills it
    print("good")
"""

STOPPED = """
    ranks.GRACE = 0.3
    if rank == 0:  # the other never answers
        stopped = True
        weight = torch.nn.Parameter(torch.zeros(4))
        here._maximum = lambda flags: list(flags)
        weight.grad = torch.ones(4)
        try:
            here.exchange([weight], [[torch.ones(2)]], [2])
        except ranks.Lost as error:
            assert "processes has ended" in str(error)
            print("good")
        over.touch()
        os._exit(0)
    while not over.exists():  # gloo alone would wait for half an hour
        time.sleep(0.05)
    print("good")
    os._exit(0)
"""


def test_two_processes(tmp_path):
    """Sums first; then one of them ends without a word."""
    script = tmp_path / "process.py"
    script.write_text(textwrap.dedent(PROCESS) + textwrap.dedent(SUMS) + textwrap.dedent(STOPPED))
    import os
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, script, PACK], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
            env=os.environ | told | {"RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [text.count("good") for text in said] == [2, 2], said
