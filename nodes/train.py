"""Train LoRA."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from comfy_api.latest import io

from ..training_core.data.dataset import Dataset
from ..training_core.errors import AthanorError
from ..training_core.host import fingerprint, folders, guard, lora
from ..training_core.run.curve import loss_curve
from ..training_core.run.events import Encoded, Event, Probed, Saved, Started, Stepped, Warned
from ..training_core.run.handle import Checkpoint, Run
from ..training_core.run.train import train
from ..training_core.settings import (
    CacheSettings,
    ConditioningSettings,
    Job,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    TrainingSettings,
    ValidationSettings,
)
from . import types
from .progress import Progress, Rate
from .schema import graph_of, image_output, inputs, pick, sentence

log = logging.getLogger("athanor")


class AthanorTrainLoRA(io.ComfyNode):
    """Trains a LoRA on the graph's own model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Models, buckets and configs in; the run and its LoRA out."""
        return io.Schema(
            node_id="AthanorTrainLoRA",
            display_name="Train LoRA",
            category="Athanor",
            description="Trains a LoRA on the model of this graph, without a second copy of it. Interrupt keeps the LoRA so far.",
            search_aliases=["lora trainer", "kohya", "sd-scripts", "finetune", "training"],
            has_intermediate_output=True,
            inputs=[
                io.Model.Input(
                    "model", tooltip="The model to train on, for example from Load Checkpoint. It is not changed."
                ),
                io.Clip.Input("clip", tooltip="Its text encoder: encodes the captions."),
                io.Vae.Input("vae", tooltip="Its VAE: encodes the pictures."),
                types.Buckets.Input("buckets", tooltip="From the Bucketer."),
                types.Network.Input(
                    "network", optional=True, tooltip="From Network Config; unconnected: LoRA of rank 16."
                ),
                types.Loss.Input("loss", optional=True, tooltip="From Loss Config; unconnected: plain l2."),
                types.Noise.Input("noise", optional=True, tooltip="From Noise Config; unconnected: plain noise."),
                types.Optimizer.Input(
                    "optimizer", optional=True, tooltip="From Optimizer Config; unconnected: AdamW, 1e-4."
                ),
                *inputs(TrainingSettings),
                types.Cache.Input(
                    "cache", optional=True, tooltip="From Cache Config; unconnected: on disk, drawn anew every step."
                ),
                types.Conditioning.Input(
                    "conditioning", optional=True, tooltip="From Conditioning Config; unconnected: its defaults."
                ),
                types.Validation.Input(
                    "validation",
                    optional=True,
                    tooltip="From Validation Config; unconnected: a probe on eight pictures of the training.",
                ),
            ],
            outputs=[
                types.Run.Output("run", tooltip="The run and its checkpoints, for XYZ Compare."),
                io.AnyType.Output("lora_name", tooltip="Name of the finished LoRA; connects to Load LoRA."),
                io.Model.Output("model", tooltip="The model with the finished LoRA applied."),
                io.LossMap.Output("loss_map", tooltip="Loss of every step, for Plot Loss Graph."),
                io.Image.Output("loss_curve", tooltip="Loss and learning rate over the steps."),
                io.Clip.Output(
                    "clip", tooltip="The CLIP with the finished LoRA applied, if its text encoder is trained."
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def validate_inputs(cls, output_name: str | None, gradient_checkpointing: Any = None) -> bool | str:
        """The name stays in the loras folder (None: linked, checked when the node runs); gradient_checkpointing may be
        true or false, as it was in older workflows.
        """
        values = {} if gradient_checkpointing is None else {"gradient_checkpointing": gradient_checkpointing}
        wrong = sentence(lambda: pick(TrainingSettings, values))
        if wrong is not True:
            return wrong
        return output_name is None or sentence(lambda: folders.lora_path(output_name))

    @classmethod
    def execute(
        cls,
        model: Any,
        clip: Any,
        vae: Any,
        buckets: Any,
        network: NetworkSettings | None = None,
        loss: LossSettings | None = None,
        noise: NoiseSettings | None = None,
        optimizer: OptimizerSettings | None = None,
        cache: CacheSettings | None = None,
        conditioning: ConditioningSettings | None = None,
        validation: tuple[ValidationSettings, Any] | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Train and show progress."""
        for name, value in (("clip", clip), ("vae", vae)):
            if value is None:
                raise AthanorError(f"{name} is missing: this checkpoint has none; connect a loader that has it.")
        probe, held_out = validation or (ValidationSettings(), None)
        job = Job(
            datasets=buckets.dataset.subsets,
            buckets=buckets.settings,
            network=network or NetworkSettings(),
            loss=loss or LossSettings(),
            noise=noise or NoiseSettings(),
            optimizer=optimizer or OptimizerSettings(),
            training=pick(TrainingSettings, values),
            cache=cache or CacheSettings(),
            conditioning=conditioning or ConditioningSettings(),
            validation=probe,
            dataset_fingerprint=buckets.dataset.fingerprint,
            model_fingerprint=fingerprint.fingerprint(model, clip, vae) + _weights(network),
        )
        display = _Display(cls.hidden.unique_id)
        with guard.training():
            for event in train(job, buckets, model, clip, vae, held_out, graph_of(cls.hidden)):
                display.show(event)
        guard.free_memory()
        run = display.run(job, buckets.dataset)
        last = run.checkpoints[-1]
        trained, trained_clip = lora.apply(model, clip, last.path, 1.0)
        curve = loss_curve(f"{run.name}  ({run.run_id})", run.losses, run.lrs, run.epochs, run.probes)
        ui = {"text": [display.summary(run)]}
        return io.NodeOutput(
            run, last.lora_name, trained, {"loss": list(run.losses)}, image_output(curve), trained_clip, ui=ui
        )


def _weights(network: NetworkSettings | None) -> str:
    """The content of the LoRA that is continued: another file of that name is another run."""
    if network is None or not network.network_weights.strip():
        return ""
    return "+" + hashlib.sha256(folders.existing_lora(network.network_weights.strip()).read_bytes()).hexdigest()


class _Display:
    """Shows a run's events on its node, and collects the run."""

    def __init__(self, node_id: str) -> None:
        self._progress, self._rate = Progress(node_id), Rate()
        self._started: Started | None = None
        self._steps: list[Stepped] = []
        self._saved: list[Saved] = []
        self._probed: list[Probed] = []
        self._warnings: list[str] = []

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Encoded():
                self._progress.bar(event.done, event.total)
                self._progress.text(f"encoding {event.what}: {event.done} of {event.total}", event.done == event.total)
            case Warned():
                self._warnings.append(event.text)
                log.warning("Athanor: %s", event.text)
            case Started():
                self._started = event
                log.info("Athanor: run %s, %d steps, training %s", event.run_id, event.steps, event.trained)
            case Stepped():
                self._steps.append(event)
                self._rate.add(event.seconds)
                self._progress.bar(event.step, self._started.steps)
                recent = self._steps[-50:]
                self._progress.text(
                    f"step {event.step} of {self._started.steps}, epoch {event.epoch} of {self._started.epochs}\n"
                    f"loss {sum(s.loss for s in recent) / len(recent):.4f}, {self._rate.speed}, "
                    f"{self._rate.left(self._started.steps - event.step)} left{self._probe()}",
                    event.step == self._started.steps,
                )
            case Probed():
                self._probed.append(event)
            case Saved():
                self._saved.append(event)
                log.info(
                    "Athanor: saved %s (epoch %d, step %d); loaded again it deviates by %.1e of its effect",
                    event.path,
                    event.epoch,
                    event.step,
                    event.deviation,
                )
                if event.trouble:
                    self.show(Warned(f"{event.path.name}: {event.trouble}"))

    def _probe(self) -> str:
        """The last look of the probe, as a line."""
        if len(self._probed) < 2:
            return ""
        last = self._probed[-1]
        return f"\nprobe {last.percent:.1f} % of the start ({last.label})"

    def run(self, job: Job, dataset: Dataset) -> Run:
        """The handle of the finished run."""
        checkpoints = tuple(
            Checkpoint(s.epoch, s.step, folders.lora_name(s.path), s.path, s.hash, s.kind == "last")
            for s in self._saved
            if s.path.is_file()  # save_last_n may have taken it away since
        )
        steps = self._steps
        return Run(
            job.run_id,
            checkpoints[-1].path.stem,
            folders.run_folder(job.run_id),
            checkpoints,
            tuple(s.loss for s in steps),
            tuple(s.lr if s.d_lr is None else s.d_lr for s in steps),
            tuple(s.epoch for s in steps),
            tuple((p.step, p.percent) for p in self._probed),
            tuple(dict.fromkeys(p.caption.partition("\n")[0] for p in dataset.pictures if p.caption))[:3],
        )

    def summary(self, run: Run) -> str:
        """The node's text after training."""
        last = run.checkpoints[-1]
        lines = [
            f"{last.lora_name}: {last.step} steps, {len(run.checkpoints)} checkpoints",
            f"sshs_model_hash {last.hash}",
            *self._probe().strip().splitlines(),
        ]
        waited = sum(s.data_wait for s in self._steps) / max(1e-9, sum(s.seconds for s in self._steps))
        if waited > 0.05:
            lines.append(f"{waited:.0%} of the time was spent waiting for data: a faster disk, or cache_to_disk off.")
        return "\n".join(lines + self._warnings)
