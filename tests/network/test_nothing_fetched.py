"""Networks, optimizers and a step of training reach for nothing on the internet, and what they import says nothing."""

import json
import subprocess
import sys
from pathlib import Path

ALONE = """
import importlib.util, json, socket, sys
from pathlib import Path

reached = []

def refuse(*args, **kwargs):
    reached.append(str(args[-1])[:80])
    raise OSError("this test has no network")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.create_connection = socket.getaddrinfo = refuse
sys.path.insert(0, HELPERS)
import device

device.load_pack()
import torch
import small
from athanor.training_core.network.build import Part, create
from athanor.training_core.network import lycoris
from athanor.training_core.optim import names, optimizers
from athanor.training_core.settings import NetworkSettings, OptimizerSettings

def layers(**more):
    return {type(adapter).__name__ for adapter in create([Part(small.Model())], NetworkSettings(rank=2, **more), 0).loras}

compilers = []

def compile(function=None, **options):
    compilers.append(options)
    return (lambda one: one) if function is None else function

at_once, torch.compile = torch.compile, compile
layers()
early = "bitsandbytes" in sys.modules
trained = []
for name in names.CLASSES:
    settings = OptimizerSettings(optimizer_type=name, learning_rate=1e-2, optimizer_fallback=False)
    model = small.Model().requires_grad_(False)
    network = create([Part(model)], NetworkSettings(rank=2), 0)
    network.apply_to()
    optimizer = optimizers.choose(settings, small.CPU).build([{"params": list(network.parameters()), "lr_scale": 1.0}])
    before = [p.detach().clone() for p in network.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 1e-2
    if hasattr(optimizer, "train"):
        optimizer.train()
    (model(small.X) - 1).square().mean().backward()
    optimizer.step()
    if any(not torch.equal(p, q) for p, q in zip(before, network.parameters())):
        trained.append(name)

import bitsandbytes

restored, torch.compile = torch.compile is compile, at_once
from bitsandbytes.backends.default import ops

compiled_early = len(compilers)
values = torch.zeros(2, dtype=torch.uint8), torch.ones(1), torch.ones(256), 64, torch.float32
compilers_work = ops._dequantize_blockwise_compute(*values).tolist() == [1.0, 1.0] and len(compilers) == compiled_early + 1
layers(dora=True)  # by now its layers exist, and are known
theirs = bitsandbytes.nn.LinearNF4 in lycoris._wrapper().network_module_dict["lora"].__mro__[1].__init__.__globals__["QuantLinears"]
print(json.dumps({"reached": reached, "early": early, "trained": trained, "all": list(names.CLASSES), "theirs": theirs,
    "compiled": [compiled_early, compilers_work, restored]}))
"""

KERNELS = """
import socket

def get_kernel(*args, **kwargs):
    socket.create_connection(("huggingface.co", 443))
"""


def test_nothing_is_fetched_and_nothing_is_said(tmp_path: Path):
    """bitsandbytes, which LyCORIS loads for layers of it, fetches kernels for 4-bit layers if the package `kernels` is there."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    script = tmp_path / "alone.py"
    script.write_text(ALONE.replace("HELPERS", repr(str(Path(__file__).parents[1] / "helpers"))))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["reached"] == [] and not told["early"] and told["theirs"]
    assert told["compiled"] == [
        0,
        True,
        True,
    ]  # its functions are compiled when they are called, not when it is imported
    assert "kernels" not in done.stderr, done.stderr
    assert set(told["all"]) - set(told["trained"]) <= {"RAdamScheduleFree"}  # whose first steps are of rate 0
