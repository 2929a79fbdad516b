"""Every type of axis: it changes the picture, and the picture is what the written graph draws, bit for bit."""

import comparing
import graphs
import pytest
import tiny
import tiny_layouts
from athanor.training_core.compare import kinds
from comparing import axis
from safetensors.torch import save_file

BASE = {"prompts": "red circle", "negative": "blurry", "seeds": "5"}
CASES = {
    "LoRA": "sd3_te", "seed": "6", "steps": "3", "cfg": "1.5", "guidance": "9", "shift": "1", "sampler": "heun",
    "scheduler": "karras", "sampler + scheduler": "heun/simple", "denoise": "0.5", "size": "32x64",
    "prompt S/R": "red => blue", "prompt S/R (positive)": "circle => cross", "prompt S/R (negative)": "blurry => dark",
    "prompt": "a green cross", "negative prompt": "dark", "model": "sd15", "VAE": "other", "clip skip": "1",
    "LoRA strength": "0.4", "LoRA strength (model)": "0.4", "LoRA strength (text encoder)": "0.4",
    "LoRA blocks": "layers0 0.5, te 0", "LoRA steps": "0-0.5",
    kinds.WIDGET: "1",
}  # fmt: skip
"""Type of axis -> a value that the base has not."""
BASE_OF = dict.fromkeys(CASES, "plain") | {
    "guidance": "flux",
    kinds.WIDGET: "stack",
    "LoRA strength": "lora",
    "LoRA strength (model)": "lora",
    "LoRA strength (text encoder)": "lora",
    "LoRA blocks": "lora",
    "LoRA steps": "lora",
}


def base(name):
    """One comparison without the axis that is looked at: `plain`, with a LoRA, with a LoRA of the graph, or of Flux."""
    prompt = comparing.comparison("sd3", **BASE, **({"y": axis("LoRA", "sd3_te")} if name == "lora" else {}))
    if name == "stack":
        prompt = comparing.lora_before(prompt)
    if name == "flux":  # the only model here that an embedded guidance means something to
        prompt["flux"] = graphs.node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default")
        prompt["compare"]["inputs"]["model"] = ["flux", 0]
    return prompt


@pytest.fixture(scope="module")
def files(server, lora_files):
    """Another VAE, and a small Flux that takes the pooled text of SD3's CLIP-L."""
    models = server.base / "models"
    for folder in ("vae", "diffusion_models"):
        (models / folder).mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in tiny._vae(16, 77).items()}, models / "vae" / "other.safetensors")
    layout = tiny_layouts.LAYOUTS["flux_dev"]
    state = layout.named(tiny._fill(layout.build("cpu", **layout.small, vec_in_dim=2048), 11))
    flux = {key: value.half().contiguous() for key, value in state.items()}
    save_file(flux, models / "diffusion_models" / "flux.safetensors")


def test_every_kind_changes_the_picture_as_its_graph_does(server, files):
    """All types of XYZ Axis but that of a run's checkpoints, for which test_compare_runs.py trains one."""
    assert set(CASES) == set(kinds.KINDS) - {kinds.CHECKPOINT}
    whole = {}

    def add(key, prompt):
        """Put a comparison into the one prompt; loaders are shared."""
        inputs = {n: [f"{key}{v[0]}", 0] if n in "xyzw" else v for n, v in prompt["compare"]["inputs"].items()}
        whole.update({f"{key}{n}": node for n, node in prompt.items() if n in tuple("xyzw")})
        whole.update({n: node for n, node in prompt.items() if n not in (*"xyzw", "compare")})
        whole[key] = prompt["compare"] | {"inputs": inputs}

    for name in dict.fromkeys(BASE_OF.values()):
        add(f"base_{name}", base(name))
    for number, (kind, values) in enumerate(CASES.items()):
        prompt = base(BASE_OF[kind])
        prompt["x"] = axis(kind, values, widget="stack.strength_model" if kind == kinds.WIDGET else "")
        prompt["compare"]["inputs"]["x"] = ["x", 0]
        add(f"case_{number}", prompt)
    entry = server.run(whole)

    bases = {name: comparing.cells_of(server, entry, f"base_{name}")[0] for name in set(BASE_OF.values())}
    cells = {}
    for number, kind in enumerate(CASES):
        (cells[kind],) = comparing.cells_of(server, entry, f"case_{number}")
        assert cells[kind]["pixels"].tobytes() != bases[BASE_OF[kind]]["pixels"].tobytes(), f"{kind} changes nothing"
        assert cells[kind]["parameters"] != bases[BASE_OF[kind]]["parameters"], kind
    everything = {**bases, **cells}
    plain = comparing.plain_pictures(server, everything.values())
    wrong = [
        name
        for (name, cell), pixels in zip(everything.items(), plain, strict=True)
        if pixels.tobytes() != cell["pixels"].tobytes()
    ]
    assert not wrong, f"not what their graphs draw: {wrong}"


@pytest.mark.long  # one order is in the test above
def test_hooks_leave_nothing_on_the_model(server, files):
    """Cells with hooks share the model without LoRAs: whichever comes first, each picture is what its own graph draws alone."""
    for seed, steps, loras in (("61", "0-1, 0-0.5", "none, sd3_te"), ("62", "0.5-1, 0-1", "sd3_te, none")):
        own = {"seeds": seed, "x": axis("LoRA steps", steps), "y": axis("LoRA", loras)}
        cells = comparing.cells_of(server, server.run(comparing.comparison("sd3", **BASE | own)))
        assert len({cell["pixels"].tobytes() for cell in cells}) == len(cells) == 3
        comparing.assert_plain(server, cells)
