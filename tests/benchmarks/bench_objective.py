"""How each noise and loss setting changes the way four pictures are learnt: the probe over the steps, side by side.

An SD1.5 layout with random weights (26 M), so an eps model; the same seed, pictures, order and probe for all rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

ROWS: dict[str, dict[str, dict[str, object]]] = {
    "plain": {},
    "min_snr_gamma 5": {"loss": {"min_snr_gamma": 5.0}},
    "debiased": {"loss": {"debiased_estimation_loss": True}},
    "huber snr 0.01": {"loss": {"loss_type": "huber", "huber_c": 0.01}},
    "huber snr 0.05": {"loss": {"loss_type": "huber", "huber_c": 0.05}},
    "noise_offset 0.0357": {"noise": {"noise_offset": 0.0357}},
    "multires 6": {"noise": {"multires_noise_iterations": 6}},
    "multires 10": {"noise": {"multires_noise_iterations": 10}},
    "ip_noise_gamma 0.1": {"noise": {"ip_noise_gamma": 0.1}},
}
AT = (0, 45, 90, 150, 210, 300)


def test_settings_side_by_side(comfyui, checkpoints, tmp_path, capsys):
    import graphs
    from device import on_cpu
    from host import Host

    folder = tmp_path / "input" / "four"
    folder.mkdir(parents=True)
    y, x = np.mgrid[0:64, 0:64]
    for i, colour in enumerate(("red", "green", "blue", "white")):
        disc = (x - 16 - 10 * i) ** 2 + (y - 20 - 8 * i) ** 2 < (8 + 3 * i) ** 2
        image = Image.new("RGB", (64, 64), ("black", "gray", "tan", "navy")[i])
        image.paste(Image.new("RGB", (64, 64), colour), mask=Image.fromarray((disc * 255).astype(np.uint8)))
        image.save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"a {colour} disc, number {i}")
    table = []
    with Host(comfyui, tmp_path, cpu=on_cpu()) as host:
        (tmp_path / "models" / "checkpoints" / "sd15.safetensors").symlink_to(checkpoints["sd15"])
        graphs.learn_defaults(host.get("/object_info"))
        for name, parts in ROWS.items():
            settings = {
                "network": {"rank": 32, "alpha": 32.0},
                "optimizer": {"learning_rate": 1e-3},
                "buckets": {"batch_size": 4, "enable_bucket": False},
                "train": {"epochs": 300, "save_every_n_epochs": 0, "output_name": name.replace(" ", "_")},
            }
            host.run(graphs.training("sd15", "four", **(settings | parts)))
            runs = (tmp_path / "output" / "athanor" / "runs").iterdir()
            run = max(runs, key=lambda r: (r / "events.jsonl").stat().st_mtime_ns)
            events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
            probes = {e["step"]: e["percent"] for e in events if e["event"] == "probed"}
            losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
            noise = np.std(np.diff(losses[100:])) / np.mean(losses[100:])
            cells = "  ".join(f"{probes.get(step, float('nan')):6.1f}" for step in AT)
            table.append(f"{name:<20} {cells}   {losses[0]:8.4f} {np.mean(losses[-50:]):8.4f}   {noise:5.2f}")
            with capsys.disabled():
                print(table[-1], flush=True)
    head = "  ".join(f"{step:>6}" for step in AT)
    with capsys.disabled():
        print(f"\n{'probe in % at step':<20} {head}   loss 1st  last 50   jitter")
        print("\n".join(table))
