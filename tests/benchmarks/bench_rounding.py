"""What is left of a small delta beside a bfloat16 base: ours, and LyCORIS' own forms.

python dev.py test tests/benchmarks/bench_rounding.py -s
"""

from __future__ import annotations

import torch

SHARES = (3e-4, 3e-3, 3e-2)
ALGOS = ("lora", "loha", "lokr", "glora", "diag-oft", "boft", "ia3", "dylora", "dora")


def test_rounding(capsys, monkeypatch):
    from athanor.training_core.network import build, lycoris
    from athanor.training_core.settings import NetworkSettings
    from young import effect

    rows = [
        "| network | " + " | ".join(f"delta {share:g} of the weight" for share in SHARES) + " |",
        "|---" * (1 + len(SHARES)) + "|",
    ]
    for ours in (True, False):
        if not ours:
            monkeypatch.setattr(lycoris, "in_float32", lambda lora: None)
            monkeypatch.setattr(build, "lean_forward", lambda lora: None)
            monkeypatch.setattr(lycoris, "BYPASS", ())
        for algo in ALGOS:
            values = {"algo": "lora", "dora": True} if algo == "dora" else {"algo": algo}
            settings, cells = NetworkSettings(rank=8, alpha=8.0, preset="full", **values), []
            for share in SHARES:
                try:
                    seen = effect(settings, share, torch.bfloat16, width=512)
                    cells.append(f"{seen.error:.3f}, {max(0.0, seen.kept):.2f}")
                except RuntimeError:
                    cells.append("fails")
            rows.append(f"| {algo}{'' if ours else ' (LyCORIS)'} | " + " | ".join(cells) + " |")
    with capsys.disabled():
        print("\nerror of what the network adds, and how much of it is in the layer's output\n\n" + "\n".join(rows))
