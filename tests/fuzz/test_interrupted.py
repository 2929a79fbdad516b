"""Runs that are interrupted hundreds of times in one process: each that goes on, and each that follows, makes the bytes of a run that
nobody stopped, and the process is what it was.

The exception of an interrupt is kept, as ComfyUI keeps it now and then, and let go while another run trains: what it has left half way
would end there.
"""

from __future__ import annotations

import gc
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz
import graphs
import interrupting
import process_state
import pytest
import quantised
import tiny
import torch
import whole_run
from athanor.training_core import settings as s
from PIL import Image

DRAWN = s.SamplingSettings(
    sample_prompts="a cat\na dog", sample_every_n_epochs=0, sample_every_n_steps=2, width=64, height=64, steps=1, cfg=2.0
)
RANDOM = {"shuffle_caption": True, "caption_dropout_rate": 0.3, "caption_tag_dropout_rate": 0.2, "flip_aug": True}
SAVES = {"save_every_n_steps": 3, "save_precision": "float", "mixed_precision": "no", "epochs": 4}
RECIPES: dict[str, dict[str, Any]] = {
    "difficult": {
        "network": {"rank": 2, "dropout": 0.1, "rank_dropout": 0.1, "module_dropout": 0.1},
        "optimizer": {"optimizer_type": "Prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", "ema_decay": 0.9},
        "noise": {"noise_offset": 0.05},
        "training": {"gradient_accumulation_steps": 2, **SAVES},
    },
    "sd15": {
        "network": {"rank": 1, "dropout": 0.2, "train": "unet + text encoder"},
        "optimizer": {"optimizer_type": "AdamWScheduleFree", "learning_rate": 1e-3},
        "training": {"save_every_n_epochs": 1, **SAVES, "epochs": 2},
    },
    "fp8": {
        "network": {"rank": 2, "dropout": 0.1},
        "optimizer": {"optimizer_type": "Adafactor", "learning_rate": 1e-3, "ema_decay": 0.5},
        "training": {"blocks_to_swap": 1, "gradient_checkpointing": "all", **SAVES, "mixed_precision": "bf16"},
    },
    "finetune": {
        "network": {"algo": "finetune"},
        "optimizer": {"learning_rate": 1e-4},
        "training": {"full_precision": "bf16", **SAVES, "mixed_precision": "bf16", "save_every_n_steps": 5, "epochs": 2},
    },
}


def models_of(recipe: str, checkpoints: dict[str, Path]) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE of a recipe: sd15 has a VAE in bfloat16, which is copied to encode."""
    if recipe != "sd15":
        model, clip, vae = whole_run.models_of(checkpoints["sd3"])
        return quantised.fp8("sd3") if recipe == "fp8" else model, clip, vae
    import comfy.sd
    from comfy.ldm.models.autoencoder import AutoencoderKL

    shape = {
        "double_z": True, "z_channels": 4, "resolution": 64, "in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 1, 1, 1],
        "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
    }  # fmt: skip
    state = tiny._fill(AutoencoderKL(ddconfig=shape, embed_dim=4), 1)
    model, clip, _ = whole_run.models_of(checkpoints["sd15"])
    with torch.inference_mode():
        vae = comfy.sd.VAE(sd=state, dtype=torch.bfloat16, config={"params": {"ddconfig": shape, "embed_dim": 4}})
    return model, clip, vae


class World:
    """The runs of one recipe, each in folders of its own, driven as Train LoRA does."""

    def __init__(self, recipe: str, folder: Path, models: tuple[Any, Any, Any], patch: pytest.MonkeyPatch) -> None:
        from athanor.training_core.data import plan, scan

        self.models, self._patch, self._folder = models, patch, folder
        graphs.draw_dataset(folder / "ds", count=3)
        dataset = scan.scan(s.DatasetSettings(folder="ds", **RANDOM), folder / "ds")
        sizes = s.BucketSettings(width=64, height=64, batch_size=2, min_bucket_reso=64)
        self._buckets = plan.sort_into_buckets(dataset, sizes)
        parts = RECIPES[recipe]
        self._job = s.Job(
            datasets=dataset.subsets,
            buckets=self._buckets.settings,
            dataset_fingerprint=dataset.fingerprint,
            model_fingerprint=recipe,
            network=s.NetworkSettings(**parts["network"]),
            optimizer=s.OptimizerSettings(**parts["optimizer"]),
            noise=s.NoiseSettings(**parts.get("noise", {})),
            sampling=DRAWN,
            training=s.TrainingSettings(output_name=recipe, **parts["training"]),
        )

    def enter(self, keep_encodings: bool) -> Path:
        """Begin anew in empty folders, and let them be ComfyUI's."""
        import folder_paths

        world = self._folder / "world"
        for name in ("output", "loras", *(() if keep_encodings else ("user",))):
            shutil.rmtree(world / name, ignore_errors=True)
        self.be_there()
        return world

    def be_there(self) -> None:
        """Let ComfyUI's folders be those of this recipe."""
        import folder_paths

        world = self._folder / "world"
        for name in ("output", "user", "loras", "diffusion_models"):
            (world / name).mkdir(parents=True, exist_ok=True)
        self._patch.setattr(folder_paths, "output_directory", str(world / "output"))
        self._patch.setattr(folder_paths, "user_directory", str(world / "user"))
        for name in ("loras", "diffusion_models", "checkpoints"):
            self._patch.setitem(folder_paths.folder_names_and_paths, name, ([str(world / "loras")], {".safetensors"}))

    def live(self, interruptions: interrupting.Interruptions) -> bool:
        """Train as the node does, until the run ends or is stopped; returns whether it is done."""
        from athanor.nodes import broadcasts, display, train
        from athanor.training_core.run.train import train as events

        job = self._job
        told = broadcasts.Broadcasts(job.run_id, "1", job.training.output_name, None)
        shown = display.Display("1", job.run_id, told)
        show = shown.show
        self._patch.setattr(shown, "show", lambda event: (interruptions.show(job.run_id), show(event)), raising=False)
        with torch.inference_mode(), interruptions.clock():
            record = train._follow(events(job, self._buckets, *self.models), shown, told, None)
        return record is not None and record.done

    def made(self) -> dict[str, Any]:
        """LoRA files, samples, and losses of the run."""
        from athanor.training_core.history import series

        found: dict[str, Any] = {}
        for path in (self._folder / "world").rglob("*"):
            if path.suffix == ".safetensors" and path.parent.name == "loras":
                found[path.name] = whole_run.weights(path)
            if path.suffix == ".png" and path.parent.name == "samples":
                with Image.open(path) as image:
                    found[path.name] = image.tobytes()
        (folder,) = (self._folder / "world" / "output" / "athanor" / "runs").glob("*")
        return found | {"losses": [(point["step"], point["loss"]) for point in series.points(folder)]}


@pytest.fixture
def worlds(comfy, checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, World]]:
    from athanor.nodes import broadcasts, progress

    silent = SimpleNamespace(send_sync=lambda *_: None, send_progress_text=lambda *_: None)
    for module in (broadcasts, progress):
        monkeypatch.setattr(module.PromptServer, "instance", silent, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield {
        recipe: World(recipe, tmp_path / recipe, models_of(recipe, checkpoints), monkeypatch) for recipe in RECIPES
    }
    torch.set_num_threads(before)


class Whole:
    """What a run makes that nobody stops, and how often it asks."""

    def __init__(self, world: World, interruptions: interrupting.Interruptions) -> None:
        world.enter(keep_encodings=False)
        assert world.live(interruptions)  # imports, loads
        world.enter(keep_encodings=False)
        interruptions.moment, start = interrupting.Moment(), time.monotonic()
        assert world.live(interruptions)
        self.seconds, self.moment, self.made = time.monotonic() - start, interruptions.moment, world.made()
        self.state = process_state.of_models(world.models)


def test_interrupted_runs_leave_the_process_as_it_was(worlds: dict[str, World], tmp_path: Path, monkeypatch):
    rng, interruptions = fuzz.generator("interrupted"), interrupting.Interruptions(tmp_path)
    interrupting.hooked(interruptions, monkeypatch)
    whole = {name: Whole(world, interruptions) for name, world in worlds.items()}
    for name, one in whole.items():
        print(name, f"{one.seconds:.2f} s", one.moment.asks, one.moment.events, one.moment.operations, list(one.made), flush=True)
    process, kept, counted = process_state.of_process(), list[BaseException](), Counter[str]()
    trouble = list[str]()

    def let_go() -> None:
        kept.clear()
        gc.collect()

    def check(name: str, what: str) -> None:
        found = process_state.differences(process, process_state.of_process())
        found += process_state.differences(whole[name].state, process_state.of_models(worlds[name].models))
        found += process_state.foreign(world.models for world in worlds.values())
        if found:
            trouble.append(f"{what}: {found[:6]}")
            print("TROUBLE", trouble[-1], flush=True)

    def stopped(name: str, one: interrupting.Moment) -> bool:
        """Train with a moment; whether the run is done."""
        interruptions.moment = one
        one.drop, one.drop_at = let_go, rng.randint(1, whole[name].moment.events) if rng.random() < 0.7 else -1
        try:
            done = worlds[name].live(interruptions)
        except BaseException as error:
            kept.append(error)
            done = False
            if not one.came:
                raise
        import comfy.model_management as mm

        mm.interrupt_current_processing(False)
        check(name, f"after {one.kind} {one.at} of {name}")
        return done

    def same(name: str, lax: bool, what: str) -> None:
        found, wanted = worlds[name].made(), whole[name].made
        wrong = [key for key in wanted if (key in found or not lax) and found.get(key) != wanted[key]]
        if wrong:
            trouble.append(f"{what}: {wrong}")
            print("TROUBLE", trouble[-1], flush=True)

    resources = process_state.resources([tmp_path])
    print("before", resources, flush=True)
    number, most = 0, fuzz.cases(400, slice_of=100)
    while number < most:
        name = rng.choice(list(worlds))
        worlds[name].enter(keep_encodings=rng.random() < 0.5)
        lax, story = False, []
        for _ in range(rng.randint(1, 3)):
            one = interrupting.moment(rng, whole[name].moment, whole[name].seconds)
            done = stopped(name, one)
            number += one.came and one.kind not in ("asked",)
            counted[one.kind if one.came else "none"] += 1
            lax |= one.kind in ("bug", "memory")
            story.append(f"{one.kind} {one.at:.2f}")
            if one.kind == "memory" and one.came:
                break  # what is split from there on has other rounding
            if done:
                break
            if rng.random() < 0.4:
                other = rng.choice(list(worlds))
                if other != name:
                    worlds[other].enter(keep_encodings=True)
                    assert stopped(other, interrupting.Moment())
                    same(other, False, f"{number}: {other} after {name} {story}")
                    worlds[name].be_there()
        else:
            done = False
        if not done and not (one.kind == "memory" and one.came):
            assert stopped(name, interrupting.Moment()), (name, story)
        if not (one.kind == "memory" and one.came):
            same(name, lax, f"{number}: {name} {story}")
        if number % 10 == 0:
            print(number, dict(counted), process_state.resources([tmp_path]) if number % 50 == 0 else "", flush=True)
    let_go()
    print("after", process_state.resources([tmp_path]), dict(counted), flush=True)
    assert not trouble, trouble
