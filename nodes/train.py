"""The node Train LoRA: trains a LoRA on models of the graph, shows its progress, and passes the LoRA on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..training_core import advice, file_names, packages
from ..training_core.errors import AthanorError
from ..training_core.history import handle, registry
from ..training_core.history.events import Event, forget_frames
from ..training_core.history.graph import save_graph, source
from ..training_core.host import devices, folders, guard, node_tools, usable
from ..training_core.settings import TrainingSettings
from ..training_core.shared_graph import SWEEP
from . import run_rows, types
from .broadcasts import Broadcasts
from .cached_runs import cached_runs
from .display import Display
from .queued import queued
from .run_files import in_history, run_files
from .schema import graph_of, image_output, inputs, sentence
from .train_job import job_of, models_of, said_of_the_name

if TYPE_CHECKING:
    from ..training_core.data.plan import Buckets


log = logging.getLogger("athanor")


class AthanorTrainLoRA(io.ComfyNode):
    """Trains a LoRA on the graph's own model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (models, buckets, configs, TrainingSettings) and its outputs (the run and its LoRA)."""
        return io.Schema(
            node_id="AthanorTrainLoRA",
            display_name="Train LoRA (Athanor)",  # ComfyUI has a Train LoRA of its own
            category="Athanor",
            description="Trains a LoRA on the model of this graph, without a second copy of it. Interrupt saves the LoRA so far; "
            "queue again to resume.",
            search_aliases=[
                "train lora",
                "lora training",
                "lora trainer",
                "train",
                "trainer",
                "training",
                "finetune",
                "fine-tune",
                "kohya",
                "sd-scripts",
                "dreambooth",
                "lycoris",
                "loha",
                "lokr",
                "onetrainer",
            ],
            is_output_node=True,
            has_intermediate_output=True,  # its results are told as well where only another part of the graph is queued
            inputs=[
                io.Model.Input(
                    "model", tooltip="The model to train on, for example from Load Checkpoint. It is not changed."
                ),
                io.Clip.Input("clip", tooltip="The model's text encoder; encodes the captions."),
                io.Vae.Input("vae", tooltip="The model's VAE; encodes the pictures."),
                types.Buckets.Input("buckets", tooltip="From the Bucketer."),
                *inputs(TrainingSettings),
                types.Network.Input(
                    "network", optional=True, tooltip="From Network Config. Unconnected: LoRA of rank 16."
                ),
                types.Loss.Input("loss", optional=True, tooltip="From Loss Config. Unconnected: plain l2."),
                types.Noise.Input("noise", optional=True, tooltip="From Noise Config. Unconnected: plain noise."),
                types.Optimizer.Input(
                    "optimizer", optional=True, tooltip="From Optimizer Config. Unconnected: AdamW, 1e-4."
                ),
                types.Cache.Input(
                    "cache",
                    optional=True,
                    tooltip="From Cache Config. Unconnected: on disk, with new latents drawn at every step.",
                ),
                types.Conditioning.Input(
                    "conditioning", optional=True, tooltip="From Conditioning Config. Unconnected: its defaults."
                ),
                types.Validation.Input(
                    "validation",
                    optional=True,
                    tooltip="From Validation Config. Unconnected: a probe on eight training pictures.",
                ),
                types.Samples.Input(
                    "samples", optional=True, tooltip="From Sample Config. Unconnected: no samples during training."
                ),
            ],
            outputs=[
                types.Run.Output("run", tooltip="The run with its checkpoints, for XYZ Compare."),
                io.AnyType.Output("lora_name", tooltip="File name of the finished LoRA; connects to Load LoRA."),
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
    def validate_inputs(cls, output_name: str | None = None) -> bool | str:
        """Return True if the LoRA would be in the loras folder, else what is wrong (None: linked or missing)."""
        return sentence(lambda: _check_name(str(output_name)), output_name=output_name)

    @classmethod
    def fingerprint_inputs(cls, output_name: str | None = None, **_: Any) -> str:
        """Return a value that changes when a run of this name ends, loses its files or is deleted: then the host's cache is old."""
        asked, root = output_name or "", folders.runs_folder()
        states = [handle.status_fingerprint(root, name) for name in dict.fromkeys((asked, file_names.plain(asked)))]
        passed = cached_runs.passed_over(output_name)
        deleted = cached_runs.deleted(output_name, lambda run: registry.is_run(folders.run_folder(run)))
        told = [f"{deleted} deleted"] * bool(deleted) + [f"{passed} passed over"] * bool(passed)
        return " ".join([*states, *told])

    @classmethod
    def execute(
        cls,
        model: Any,
        clip: Any,
        vae: Any,
        buckets: Buckets,
        *,
        validation: types.ProbeInputs | None = None,
        samples: types.SampleInputs | None = None,
        **values: Any,
    ) -> io.NodeOutput:
        """Train the LoRA, or use the finished run of the same settings, and return the run, its files and the patched models.

        Raises:
            AthanorError: the checkpoint has no CLIP or VAE, or those of another kind of model; a setting is wrong, or training is
                not possible.
        """
        from ..training_core.run import ranks
        from ..training_core.run.launch import launch
        from ..training_core.run.metadata_update import rewrite_finished
        from ..training_core.run.scored_later import score_later
        from ..training_core.run.train import put_back, tidy, train

        if sweep := in_front_of_a_sweep(cls.hidden):
            cached_runs.pass_over(str(values.get("output_name") or ""))
            from .sweep_text import forgotten

            said = f"Sweep ({sweep}) trains this node once for each of its combinations; as it stands here, it is not trained."
            said = f"{said} {forgotten(cls.hidden.prompt, cls.hidden.unique_id)}".strip()
            log.info("Athanor: %s", said)
            return io.NodeOutput(*[node_tools.blocked()] * len(cls.RETURN_TYPES), ui={"text": [said]})
        packages.check()
        usable.check(model, clip, vae)
        probe, held_out = validation or types.ProbeInputs()
        sampling, sampling_model, scorer = samples or types.SampleInputs()
        processes = ranks.current()
        models = models_of(model, clip, vae, values.get("network"))
        job = job_of(values | {"sampling": sampling}, buckets, probe, models, processes.count)
        by, graph = queued(), graph_of(cls.hidden)
        page = run_rows.workflow_id(graph)
        broadcasts = Broadcasts(job.run_id, cls.hidden.unique_id, job.training.output_name, by, page)
        # The node of a subgraph, which is all that is seen of it from outside, has no panel.
        panel = bool(page) and ":" not in cls.hidden.unique_id
        display = Display(cls.hidden.unique_id, job.run_id, broadcasts, panel)
        record = registry.read(folders.run_folder(job.run_id))
        notes = said_of_the_name(values, job)
        origin = source(graph.get("prompt"), cls.hidden.unique_id, processes=job.training.processes)
        if record is not None and not record.done and not job.training.retrain and processes.is_main:
            notes += put_back(record)
        for note in notes:
            log.info("Athanor: %s", note)
        if record is None or not record.done or job.training.retrain:
            if job.training.processes > processes.count:
                events = launch(job, origin, by)
            else:
                more = {"graph": graph, "source": origin, "ranks": processes, "queued": by}
                looks = {"validation": held_out, "sampling_model": sampling_model, "scorer": scorer}
                events = train(job, buckets, model, clip, vae, **looks, **more)
            record = _follow(events, display, broadcasts, graph if processes.is_main else None)
        else:
            tidy(record)
            notes += rewrite_finished(record, job, graph, origin) if processes.is_main else []
            notes += score_later(record, scorer, display.told("comparing its")) if processes.is_main else []
            record = registry.read(record.folder) or record
            broadcasts.ended(record, run_files(record), None, reused=True)
        cached_runs.add(str(values.get("output_name") or ""), job.run_id)
        return _outputs(record, display, model, clip, notes)


def in_front_of_a_sweep(hidden: Any) -> str:
    """Return the id of a Sweep that this node's run goes to: it trains in the node's place. '' if there is none."""
    own = [hidden.unique_id, 0]
    nodes = (hidden.prompt or {}).items()
    return next((key for key, n in nodes if n["class_type"] == SWEEP and n["inputs"].get("run") == own), "")


def _check_name(output_name: str) -> None:
    """Check the name of a LoRA; one that a run has already, from before names that fail on Windows were refused, stays in use.

    Raises:
        AthanorError: it cannot be one.
    """
    try:
        folders.lora_path(output_name)
    except AthanorError:
        if not registry.summaries(folders.runs_folder(), output_name=output_name):
            raise


def _follow(
    events: Generator[Event, None, None], display: Display, broadcasts: Broadcasts, graph: Mapping[str, Any] | None
) -> registry.Record | None:
    """Train until the events of a run end, show each of them, and return what the run's folder holds afterwards.

    Args:
        graph: what the host writes into pictures; it is saved with the run once that has a folder. None: another process saves it.
    """
    folder, unsaved = folders.run_folder(display.run_id), graph

    def show(event: Event) -> None:
        nonlocal unsaved
        if unsaved is not None and registry.is_run(folder):
            save_graph(folder, display.node_id, unsaved)
            unsaved = None
        display.show(event)

    error = None
    try:
        with guard.training():
            _show_all(events, show)
    except BaseException as caught:
        error = caught
        raise
    finally:
        devices.free_memory()
        record = registry.read(folder)
        broadcasts.ended(record, run_files(record) if record else [], error, reused=False)
        if record and error is not None and not isinstance(error, Exception):
            display.ended_early(record)
        del error  # it holds this function, which would hold it
    return record


def _show_all(events: Generator[Event, None, None], show: Callable[[Event], None]) -> None:
    """Show each event; what is raised there (the host's progress bar raises an interrupt) goes through the run.

    So the run has saved what it has reached and noted its end before anyone is told of it, and nothing of it is left half way.
    """
    try:
        for event in events:
            try:
                show(event)
            except BaseException as error:
                events.throw(error)
                raise
    except BaseException as error:
        forget_frames(error)
        raise


def _outputs(
    record: registry.Record | None, display: Display, model: Any, clip: Any, notes: Sequence[str]
) -> io.NodeOutput:
    """Return the node's outputs for a run: its last LoRA applied to MODEL and CLIP, its losses and their curve.

    Args:
        notes: sentences for the node's summary.
    """
    from ..training_core.charts.curve import loss_curve
    from ..training_core.host import lora

    if record is None:
        folder = folders.run_folder(display.run_id)
        raise AthanorError(
            f"{folder} is not a run's folder any more: it was changed during training; {advice.again()}."
        )
    run = handle.of_record(record, folders.lora_name)
    if not run.checkpoints and record.status == "stopped":
        display.ended_early(record)
        guard.interrupt()  # what stands behind this node has no LoRA to work with
        guard.stop_if_interrupted()
    if not run.checkpoints:
        raise AthanorError(
            f"The run {record.title} has no LoRA file any more: its files were deleted or damaged; {advice.again()}."
        )
    last = run.checkpoints[-1]
    patched_model, patched_clip = lora.apply(model, clip, last.path, 1.0)
    curve = loss_curve(f"{run.name}  ({run.run_id})", run.losses, run.lrs, run.epochs, run.probes)
    text, about = display.summary(run, record, notes), {"athanor_run": [run.run_id], "athanor_title": [record.title]}
    shown = {"text": [text], **about, **in_history(record)}
    loss_map = {"loss": [loss for loss in run.losses if math.isfinite(loss)]}  # Plot Loss Graph takes numbers only
    return io.NodeOutput(run, last.lora_name, patched_model, loss_map, image_output(curve), patched_clip, ui=shown)
