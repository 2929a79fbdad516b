"""The main path on a real ComfyUI: train, load with stock nodes, compare, repeat, interrupt."""

import json

import graphs
import numpy as np
import pytest
from waiting import until


def test_train_then_stock_nodes_and_compare_agree_bit_for_bit(server):
    """Must-show 3: the stock LoraLoader + KSampler give the same picture as a cell of XYZ Compare."""
    prompt = graphs.training("sd3", train={"output_name": "parity", "epochs": 2, "save_every_n_epochs": 1})
    prompt |= graphs.compare(
        "ckpt", ["train", 0], prompts="red circle at the left\ngreen cross", strengths="1, 0.5", seeds="7"
    )
    before = server.run(graphs.plain("ckpt", "red circle at the left", None, seed=7) | {"ckpt": prompt["ckpt"]})
    entry = server.run(prompt)
    folder = graphs.folder(server, entry)
    told = [(graphs.settings_of(cell["graph"]), cell["pixels"]) for cell in graphs.cells(folder)]
    cells = {(*(s["loras"] or [None]), s["positive"]): pixels for s, pixels in told if s["seed"] == 7}
    assert len(cells) == 2 * (1 + 2 * 2)  # base once, two checkpoints at two strengths, times two prompts
    stock = {"ckpt": prompt["ckpt"]}
    wanted = []
    for i, (lora, strength) in enumerate([(None, 1), ("parity-000001", 1), ("parity", 1), ("parity", 0.5)]):
        for j, text in enumerate(["red circle at the left", "green cross"]):
            name = f"c{i}{j}"
            stock |= graphs.plain("ckpt", text, lora and f"{lora}.safetensors", strength, 7, name)
            wanted.append((name, lora and (f"{lora}.safetensors", strength, strength), text))
    plain = server.run(stock)
    for name, what, text in wanted:
        cell = cells[what, text]
        assert np.array_equal(cell, graphs.saved(server, plain, f"{name}save")), (what, text)
    # The LoRA does something, and the model itself samples the same bytes after training as before.
    assert not np.array_equal(graphs.saved(server, plain, "c00save"), graphs.saved(server, plain, "c20save"))
    assert np.array_equal(graphs.saved(server, before, "psave"), graphs.saved(server, plain, "c00save"))
    assert (folder / "grid.png").is_file()


def test_outputs_connect_to_stock_nodes(server):
    """lora_name goes into Load LoRA, model into KSampler, loss_map into Plot Loss Graph."""
    prompt = graphs.training("sd3", train={"output_name": "sockets", "epochs": 3})
    prompt |= {"plot": graphs.node("LossGraphNode", loss=["train", 3], filename_prefix="loss")}
    prompt |= graphs.plain("ckpt", "a", None)
    prompt["lora"] = graphs.node(
        "LoraLoader", model=["ckpt", 0], clip=["ckpt", 1], lora_name=["train", 1], strength_model=1.0, strength_clip=1.0
    )
    prompt["psample"]["inputs"]["model"] = ["lora", 0]
    other = json.loads(json.dumps(graphs.plain("ckpt", "a", None, name="q")))
    other["qsample"]["inputs"]["model"] = ["train", 2]
    entry = server.run(prompt | other)
    assert np.array_equal(graphs.saved(server, entry, "psave"), graphs.saved(server, entry, "qsave"))
    text = entry["outputs"]["train"]["text"][0]
    assert "sockets.safetensors" in text and "sshs_model_hash" in text


def test_same_seed_same_bytes_other_seed_other_bytes(server):
    """Must-show 4, with everything random switched on."""
    parts = {
        "dataset": {"shuffle_caption": True},
        "network": {"dropout": 0.1, "rank_dropout": 0.1, "module_dropout": 0.1, "rank": 4},
        "noise": {"ip_noise_gamma": 0.1},
    }

    def run(name: str, seed: int) -> dict[str, str]:
        server.run(graphs.training("sd3", train={"output_name": name, "seed": seed, "epochs": 2}, **parts))
        return graphs.metadata(graphs.lora_file(server, name))

    first, second, other = run("seed_a", 1), run("seed_b", 1), run("seed_c", 2)
    assert first["sshs_model_hash"] == second["sshs_model_hash"] != other["sshs_model_hash"]
    times = {"ss_training_started_at", "ss_training_finished_at", "modelspec.date"}
    names = {
        "ss_output_name",
        "modelspec.title",
        "athanor_run_id",
        "athanor_job",
        "ss_session_id",
        "sshs_legacy_hash",
        "prompt",
    }
    assert {k for k in first if first[k] != second[k]} <= times | names


def test_names_are_never_taken_from_another_run(server):
    train = {"output_name": "taken", "epochs": 1}
    server.run(graphs.training("sd3", train=train))
    before = graphs.lora_file(server, "taken").read_bytes()
    entry = server.run(graphs.training("sd3", train=train | {"seed": 5}))
    assert graphs.lora_file(server, "taken").read_bytes() == before
    assert "taken_2.safetensors" in entry["outputs"]["train"]["text"][0]
    server.run(graphs.training("sd3", train=train | {"seed": 6, "overwrite": True}))
    assert graphs.lora_file(server, "taken").read_bytes() != before


def test_interrupt_keeps_the_lora_and_the_host(server):
    """Must-show 5: cancelled within two steps, a loadable LoRA of the last step, the next prompt works."""
    prompt = graphs.training("sd3", train={"output_name": "stopped", "epochs": 2000, "save_every_n_epochs": 0})
    prompt_id = server.queue(prompt)
    runs = server.base / "output" / "athanor" / "runs"

    def metrics() -> list[dict]:
        for path in runs.glob("*/job.json"):
            folder, job = path.parent, json.loads(path.read_text())
            if job["training"]["output_name"] == "stopped" and (folder / "metrics.jsonl").exists():
                lines = (folder / "metrics.jsonl").read_text().splitlines()
                return [json.loads(line) for line in lines if line.endswith("}")]
        return []

    until(lambda: len(metrics()) >= 10)
    server.post(f"/api/jobs/{prompt_id}/cancel", {})
    asked = len(metrics())
    assert server.finish(prompt_id)["status"] == "cancelled"
    done = len(metrics())
    assert done - asked <= 2 + 3  # steps that went on while the request travelled
    found = list((server.base / "models" / "loras").glob("stopped-step*.safetensors"))
    assert [f.name for f in found] == [f"stopped-step{done:08d}.safetensors"]
    assert graphs.metadata(found[0])["ss_steps"] == str(done)
    base = {"ckpt": prompt["ckpt"]} | graphs.plain("ckpt", "red circle", None, name="b")
    entry = server.run(base | graphs.plain("ckpt", "red circle", found[0].name, name="s"))
    assert not np.array_equal(graphs.saved(server, entry, "bsave"), graphs.saved(server, entry, "ssave"))
    assert not list((server.base / "models" / "loras").rglob("*.tmp"))


NETWORKS = {
    "lora": {},
    "locon": {"preset": "full", "conv_rank": 2, "conv_alpha": 1.0, "train_norm": True},
    "loha": {"preset": "full", "conv_rank": 2},
    "lokr": {"preset": "full", "rank": 100000, "alpha": 1.0, "conv_rank": 100000, "factor": 8, "train_norm": True},
}
CASES = [("sd3", algo) for algo in NETWORKS] + [pytest.param("sd15", "locon", marks=pytest.mark.long)]
"""SD1.5's convolutions in the graph: test_kinds_of_training.py; all algorithms on them and norms, without: test_portable.py."""


@pytest.mark.parametrize(("family", "algo"), CASES)
def test_every_algorithm_trains_and_loads(server, family, algo):
    """Loaded by the stock loader without an unmatched key (the fixture reads the log), and the picture changes."""
    name, network = f"{family}_{algo}", {"algo": algo} | NETWORKS[algo]
    parts = {
        "network": network,
        "loss": {"loss_type": "huber"},
        "optimizer": {"learning_rate": 5e-3, "optimizer_type": "AdamW8bit"},
    }
    if family == "sd15":
        parts |= {"loss": {"min_snr_gamma": 5.0}, "noise": {"noise_offset": 0.05, "multires_noise_iterations": 4}}
    train = {"output_name": name, "epochs": 1, "gradient_checkpointing": "all" if network["algo"] == "loha" else "off"}
    prompt = graphs.training(family, train=train, validation=graphs.SMALL_PROBE, **parts)
    server.run(prompt)
    plain = {"ckpt": prompt["ckpt"]} | graphs.plain("ckpt", "red", None, name="b")
    entry = server.run(plain | graphs.plain("ckpt", "red", f"{name}.safetensors", name="l"))
    assert not np.array_equal(graphs.saved(server, entry, "bsave"), graphs.saved(server, entry, "lsave"))
    keys = graphs.keys(graphs.lora_file(server, name))
    if family == "sd15":
        assert any(k.startswith("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.") for k in keys)
    else:
        assert any(k.startswith("lora_unet_joint_blocks_0_x_block_attn_qkv.") for k in keys)
    if family == "sd15":  # SD3's norms have no weights
        assert any("norm" in k for k in keys) == bool(network.get("train_norm"))


def test_accumulation_counts_updates(server):
    prompt = graphs.training("sd3", train={"output_name": "accumulated", "epochs": 2, "gradient_accumulation_steps": 3})
    server.run(prompt)
    assert (
        graphs.metadata(graphs.lora_file(server, "accumulated"))["ss_steps"] == "4"
    )  # 6 + 2 samples: 4 batches, 2 updates
