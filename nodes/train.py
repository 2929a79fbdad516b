"""The node Train LoRA: trains, shows the run while it does, and gives the LoRA to the graph."""

from __future__ import annotations

import hashlib
from typing import Any

from comfy_api.latest import io

from ..training_core.charts.curve import loss_curve
from ..training_core.errors import AthanorError
from ..training_core.history import handle, registry
from ..training_core.history.events import Resumed, Started
from ..training_core.history.graph import save_graph, source
from ..training_core.host import devices, fingerprint, folders, guard, lora
from ..training_core.run import ranks
from ..training_core.run.launch import launch
from ..training_core.run.train import train
from ..training_core.settings import (
    CacheSettings,
    ConditioningSettings,
    Job,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    SamplingSettings,
    TrainingSettings,
    ValidationSettings,
)
from . import types
from .display import Display
from .schema import graph_of, image_output, inputs, pick, sentence


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
                types.Samples.Input(
                    "samples", optional=True, tooltip="From Sample Config; unconnected: no pictures while training."
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
    def validate_inputs(cls, output_name: str | None) -> bool | str:
        """The name stays in the loras folder (None: linked, checked when the node runs)."""
        return output_name is None or sentence(lambda: folders.lora_path(output_name))

    @classmethod
    def fingerprint_inputs(cls, output_name: str | None = None, **_: Any) -> str:
        """Changes when a run of this name has ended or lost its files, so that the host does not serve an old answer."""
        return registry.status_fingerprint(folders.runs_folder(), output_name or "")

    @classmethod
    def execute(
        cls,
        model: Any,
        clip: Any,
        vae: Any,
        buckets: Any,
        *,
        network: NetworkSettings | None = None,
        loss: LossSettings | None = None,
        noise: NoiseSettings | None = None,
        optimizer: OptimizerSettings | None = None,
        cache: CacheSettings | None = None,
        conditioning: ConditioningSettings | None = None,
        validation: tuple[ValidationSettings, Any] | None = None,
        samples: SamplingSettings | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Train and show progress."""
        for name, value in (("clip", clip), ("vae", vae)):
            if value is None:
                raise AthanorError(f"{name} is missing: this checkpoint has none; connect a loader that has it.")
        probe, held_out = validation or (ValidationSettings(), None)
        here = ranks.current()
        training = pick(TrainingSettings, values)
        if here.count > 1:
            training = training.model_copy(update={"processes": here.count})
        job = Job(
            datasets=buckets.dataset.subsets,
            buckets=buckets.settings,
            network=network or NetworkSettings(),
            loss=loss or LossSettings(),
            noise=noise or NoiseSettings(),
            optimizer=optimizer or OptimizerSettings(),
            training=training,
            cache=cache or CacheSettings(),
            conditioning=conditioning or ConditioningSettings(),
            validation=probe,
            sampling=samples,
            dataset_fingerprint=buckets.dataset.fingerprint,
            model_fingerprint=fingerprint.fingerprint(model, clip, vae) + _weights(network),
        )
        folder = folders.run_folder(job.run_id)
        graph = graph_of(cls.hidden)
        display, record = Display(cls.hidden.unique_id, job.run_id, job.training.output_name), registry.read(folder)
        if record is None or not record.done or job.training.retrain:
            origin = source(graph.get("prompt"), cls.hidden.unique_id, processes=training.processes)
            try:
                with guard.training():
                    if training.processes > here.count:
                        events = launch(job, origin)
                    else:
                        events = train(job, buckets, model, clip, vae, held_out, graph, origin, here)
                    for event in events:
                        if here.is_main and isinstance(event, Started | Resumed):
                            save_graph(folder, cls.hidden.unique_id, graph)
                        display.show(event)
            finally:
                devices.free_memory()
                display.ended()
            record = registry.read(folder)
        if record is None:
            raise AthanorError(
                f"{folder} is no run's folder any more: it was changed while the run trained; queue again."
            )
        run = handle.of_record(record, folders.lora_name)
        last = run.checkpoints[-1]
        trained, trained_clip = lora.apply(model, clip, last.path, 1.0)
        curve = loss_curve(f"{run.name}  ({run.run_id})", run.losses, run.lrs, run.epochs, run.probes)
        ui = {"text": [display.summary(run, record)], "athanor_run": [job.run_id]}
        return io.NodeOutput(
            run, last.lora_name, trained, {"loss": list(run.losses)}, image_output(curve), trained_clip, ui=ui
        )


def _weights(network: NetworkSettings | None) -> str:
    """The content of the LoRA that is continued: another file of that name is another run."""
    if network is None or not network.network_weights.strip():
        return ""
    weights = folders.existing_lora(network.network_weights.strip(), "network_weights")
    return "+" + hashlib.sha256(weights.read_bytes()).hexdigest()
