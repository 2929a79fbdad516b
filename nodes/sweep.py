"""The node Sweep: trains Train LoRA once for each combination of settings, and ranks the runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from ..training_core import file_names
from ..training_core.compare.axes import Axis, LoraChoice, Value
from ..training_core.errors import AthanorError
from ..training_core.host import folders
from ..training_core.settings import SweepSettings
from ..training_core.shared_graph import is_link
from ..training_core.wording import plural
from . import sweep_text, types
from .place import Place
from .progress import Progress
from .schema import image_output, inputs, pick, sentence

if TYPE_CHECKING:
    from ..training_core.sweep.lines import Varied
    from ..training_core.sweep.planned import Planned
    from ..training_core.sweep.ranking import Row


class AthanorSweep(io.ComfyNode):
    """Trains one LoRA for each combination of settings, and ranks them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the run that is varied, SweepSettings, and the outputs: the best run, all runs, an axis, the ranking."""
        return io.Schema(
            node_id="AthanorSweep",
            display_name="Sweep",
            category="Athanor",
            description="Trains the Train LoRA in front of it once for each combination of settings, one after the other, and ranks the "
            "runs. Queue again to resume: nothing is trained twice.",
            search_aliases=[
                "sweep",
                "grid search",
                "hyperparameter",
                "early stopping",
                "random search",
                "best settings",
                "best learning rate",
                "best rank",
                "compare settings",
                "tune settings",
            ],
            is_output_node=True,
            inputs=[
                types.Run.Input(
                    "run",
                    lazy=True,
                    tooltip="From Train LoRA. It is not trained as it stands, but once for each combination.",
                ),
                *inputs(SweepSettings),
            ],
            outputs=[
                types.Run.Output("best", tooltip="The best run of the ranking, for XYZ Compare."),
                types.Runs.Output("runs", tooltip="All runs that have a file, the best first, for Loss Compare."),
                types.Axis.Output(
                    "axis", tooltip="One LoRA of each run, called by what differs: for x, y, z or w of XYZ Compare."
                ),
                io.Image.Output("ranking", tooltip="The ranking as a picture."),
                io.String.Output("text", tooltip="The ranking as text, with a table in Markdown."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(cls, settings: str | None = None) -> bool | str:
        """Return True unless settings is empty; the rest is checked when the node runs, before anything is trained."""
        from ..training_core.sweep import lines

        return sentence(lambda: lines.check(str(settings)), settings=settings)

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Return another value each time, since runs on disk change."""
        return time.time()

    @classmethod
    def check_lazy_status(cls, **_: Any) -> list[str]:
        """Need nothing of `run`: the training in front of the node is not run as it stands."""
        return []

    @classmethod
    def execute(cls, run: Any = None, **values: Any) -> io.NodeOutput:
        """Train what is left of the runs, and return the best, all of them, their files as an axis, and the ranking.

        Raises:
            AthanorError: a line of settings is wrong, or no combination can be trained.
        """
        from ..training_core.sweep import picture, ranking
        from ..training_core.sweep.training import Sweep, checkpoint, files_of
        from .broadcasts import hearing
        from .sweep_clones import Clones
        from .sweep_plan import plan

        place, settings = Place(cls.hidden), pick(SweepSettings, values)
        train = sweep_text.train_node(place.graph, place.node)
        varied, found = sweep_text.combinations_of(place.graph, train, settings)
        clones = Clones(
            place.graph, train, [each.widget.node for each in varied], {"extra_pnginfo": cls.hidden.extra_pnginfo}
        )
        if not place.inner and (expanded := place.again(clones.needed, len(cls.RETURN_TYPES))) is not None:
            return expanded
        given, progress, bar = place.edge(values), Progress(place.node), Progress(cls.hidden.unique_id).bar
        base = _base_name(place.graph[train]["inputs"].get("output_name"), given)
        say = partial(progress.text, always=True)
        runs = plan(found, clones, given, base, say)
        train_one = partial(clones.train_one, given)
        told = {"say": say, "bar": bar, "hearing": hearing}
        sweep = Sweep(settings=settings, base=base, runs=runs, train_one=train_one, **told)
        sweep.train()
        order = sweep.ranking()
        rows, seeds = [row for row, _ in order], _place_of_the_seed(varied)
        text = ranking.text(rows, seeds)
        progress.text("\n".join(ranking.sentences(rows, seeds)), always=True)  # the picture beside it has the table
        title = f"Sweep of {base}: {plural(len(rows), 'run')}"
        image = image_output(picture.draw(title, rows, seeds))
        files = files_of([planned for _, planned in order])
        if not files:
            raise AthanorError(
                f"No run of the sweep has left a LoRA file: {next((row.note for row in rows if row.note), 'all were stopped')}"
            )
        made = {planned.name: handle for planned, handle in files}
        chosen = [(each, made[each.name]) for each in sweep.runs if each.name in made]
        values_of = [
            Value(each.combination.label, (("lora", (LoraChoice(checkpoint(handle, settings.compare).lora_name),)),))
            for each, handle in chosen
        ]
        on_node = image_output(picture.draw(title, rows, seeds, short=True))
        shown = ui.PreviewImage(on_node, cls=cls).as_dict() | {"text": [text], "athanor_ranking": _for_scripts(order)}
        handles = list(made.values())
        return io.NodeOutput(handles[0], handles, Axis(f"sweep of {base}", tuple(values_of)), image, text, ui=shown)


def _for_scripts(order: Sequence[tuple[Row, Planned]]) -> list[dict[str, Any]]:
    """Return the ranking as JSON values, the best first: what /history tells a script, which cannot read a picture."""
    return [
        {
            "run_id": planned.job.run_id if planned.job and planned.record else "",
            "name": row.name,
            "settings": dict(row.told),
            **{
                name: getattr(row, name)
                for name in ("place", "status", "note", "best", "best_step", "last", "noise", "loss")
            },
            "likeness": row.likeness[0] if row.likeness else None,
        }
        for row, planned in order
    ]


def _base_name(name: Any, given: Mapping[tuple[str, int], Any]) -> str:
    """Return the output_name of Train LoRA, typed or linked, without the ending of a file.

    Raises:
        AthanorError: it cannot be one.
    """
    found = given.get((name[0], name[1])) if is_link(name) else name
    if not isinstance(found, str) or not found.strip():
        raise AthanorError("output_name of Train LoRA is empty: give the sweep a name.")
    plain = file_names.plain(found)
    folders.lora_path(plain)
    return plain


def _place_of_the_seed(varied: list[Varied]) -> int | None:
    """Return which of the settings is Train LoRA's seed; None if it does not vary."""
    return next((n for n, each in enumerate(varied) if each.widget.name == "seed" and len(each.choices) > 1), None)
