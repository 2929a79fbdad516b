"""Runs that are interrupted hundreds of times in one process: each that goes on, and each that follows, makes the bytes of a run that
nobody stopped, and the process is what it was.

The exception of an interrupt is kept, as ComfyUI keeps it now and then, and let go while another run trains: what it has left half way
would end there.
"""

from __future__ import annotations

import gc
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

pytestmark = pytest.mark.skipif(
    not fuzz.FULL,
    reason="hundreds of runs; by default host/test_runs.py, and run/test_stopped.py for what these found",
)

DRAWN = s.SamplingSettings(
    sample_prompts="a cat",
    sample_every_n_epochs=0,
    sample_every_n_steps=2,
    width=64,
    height=64,
    steps=1,
    cfg=2.0,
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
        "training": {"save_every_n_epochs": 1, **SAVES, "epochs": 1},
    },
    "fp8": {
        "network": {"rank": 2, "dropout": 0.1},
        "optimizer": {"optimizer_type": "Adafactor", "learning_rate": 1e-3, "ema_decay": 0.5},
        "training": {"blocks_to_swap": 1, "gradient_checkpointing": "all", **SAVES, "mixed_precision": "bf16"},
    },
    "finetune": {
        "network": {"algo": "finetune"},
        "optimizer": {"learning_rate": 1e-4},
        "training": {
            "full_precision": "bf16",
            **SAVES,
            "mixed_precision": "bf16",
            "save_every_n_steps": 5,
            "epochs": 2,
        },
    },
}

OFTEN = {"difficult": 5, "sd15": 1, "fp8": 3, "finetune": 2}
"""How often each is stopped: sd15 takes longest."""


def models_of(recipe: str, checkpoints: dict[str, Path]) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE of a recipe: sd15 has a VAE in bfloat16, which is copied to encode."""
    if recipe != "sd15":
        model, clip, vae = whole_run.models_of(checkpoints["sd3"])
        return quantised.fp8("sd3") if recipe == "fp8" else model, shallow(clip), vae
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
    return model, shallow(clip), vae


def shallow(clip: Any) -> Any:
    """Leave two layers of CLIP-L: captions are encoded in every run."""
    encoder = clip.cond_stage_model.clip_l.transformer.text_model.encoder
    encoder.layers = encoder.layers[:2]
    return clip


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
    yield {recipe: World(recipe, tmp_path / recipe, models_of(recipe, checkpoints), monkeypatch) for recipe in RECIPES}
    torch.set_num_threads(before)


class Whole:
    """What a run makes that nobody stops, and how often it asks."""

    def __init__(self, world: World, interruptions: interrupting.Interruptions) -> None:
        world.enter(keep_encodings=False)
        interruptions.moment, start = interrupting.Moment(), time.monotonic()
        assert world.live(interruptions)
        self.seconds, self.moment, self.made = time.monotonic() - start, interruptions.moment, world.made()
        self.state = process_state.of_models(world.models)


class Stress:
    """Runs that are stopped, go on and follow each other in this process; notes what is not as it should be."""

    def __init__(self, worlds: dict[str, World], folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._rng, self._interruptions = fuzz.generator("interrupted"), interrupting.Interruptions(folder)
        interrupting.hooked(self._interruptions, patch)
        self.worlds, self.whole = worlds, {name: Whole(world, self._interruptions) for name, world in worlds.items()}
        self._process, self._kept = process_state.of_process(), list[BaseException]()
        self.trouble, self.counted = list[str](), Counter[str]()
        self.number = 0  # of runs that were stopped

    def let_go(self) -> None:
        """Forget the errors that were kept, as ComfyUI does at some time."""
        self._kept.clear()
        gc.collect()

    def _note(self, what: str, found: list[str]) -> None:
        if found:
            self.trouble.append(f"{what}: {found[:6]}")
            print("TROUBLE", self.trouble[-1], flush=True)

    def _train(self, name: str, moment: interrupting.Moment) -> bool:
        """Train with a moment and look at the process afterwards; whether the run is done."""
        import comfy.model_management as mm

        self._interruptions.moment, done = moment, False
        if self._rng.random() < 0.7:
            moment.drop, moment.drop_at = self.let_go, self._rng.randint(1, self.whole[name].moment.events)
        try:
            done = self.worlds[name].live(self._interruptions)
        except BaseException as error:
            if not moment.came:
                raise
            self._kept.append(error)
        mm.interrupt_current_processing(False)
        found = process_state.differences(self._process, process_state.of_process())
        models = process_state.of_models(self.worlds[name].models, whole=self._rng.random() < 0.2)
        found += process_state.differences({k: v for k, v in self.whole[name].state.items() if k in models}, models)
        found += process_state.foreign(world.models for world in self.worlds.values())
        self._note(f"after {moment.kind} {moment.at:.2f} of {name}", found)
        return done

    def _compare(self, name: str, what: str, lax: bool = False) -> None:
        """Compare a whole run's files; `lax`: pictures may be missing."""
        found, wanted = self.worlds[name].made(), self.whole[name].made
        wrong = [key for key in wanted if (key in found or not lax) and found.get(key) != wanted[key]]
        self._note(f"{self.number}: {what}", wrong)

    def _another(self, name: str, story: list[str]) -> None:
        """Train another run in between, to its end."""
        other = self._rng.choice([one for one in self.worlds if one != name])
        self.worlds[other].enter(keep_encodings=True)
        assert self._train(other, interrupting.Moment())
        self.counted["followed by another"] += 1
        self._compare(other, f"{other} after {name} {story}")
        self.worlds[name].be_there()

    def one(self) -> None:
        """Stop a run once or more often, and let it go on to its end."""
        rng, (name,) = self._rng, self._rng.choices(list(OFTEN), OFTEN.values())
        self.worlds[name].enter(keep_encodings=rng.random() < 0.8)
        done, lax, story = False, False, list[str]()
        for _ in range(rng.randint(1, 12)):
            moment = interrupting.moment(rng, self.whole[name].moment, self.whole[name].seconds)
            done = self._train(name, moment)
            self.counted[moment.kind if moment.came else "too late"] += 1
            self.number += moment.came and moment.kind != "asked"
            story.append(f"{moment.kind} {moment.at:.2f}")
            if moment.kind == "memory" and moment.came:
                return  # what is split from there on is rounded otherwise
            lax |= moment.kind == "bug" and moment.came
            if done:
                break
            if rng.random() < 0.25:
                self._another(name, story)
        assert done or self._train(name, interrupting.Moment()), (name, story)
        self._compare(name, f"{name} {story}", lax)


def test_interrupted_runs_leave_the_process_as_it_was(worlds: dict[str, World], tmp_path: Path, monkeypatch):
    stress, most = Stress(worlds, tmp_path, monkeypatch), fuzz.cases(400)
    print("before", process_state.resources([tmp_path]), flush=True)
    told = 0
    while stress.number < most:
        stress.one()
        if stress.number >= told:
            told = stress.number + 10
            print(stress.number, process_state.resources([tmp_path]), dict(stress.counted), flush=True)
    stress.let_go()
    print("after", process_state.resources([tmp_path]), dict(stress.counted), flush=True)
    assert not stress.trouble, stress.trouble
