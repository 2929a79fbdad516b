"""A workflow that trains a LoRA with several settings, and shows which of them is the best."""

from __future__ import annotations

from sheet import First, Sheet
from trained import Trained, checkpoint, compare, models

TRIED = "learning_rate: 5e-5, 1e-4, 2e-4\nrank: 8, 32"
RANKING, TOLD, CURVES = (420, 540), (360, 400), (360, 300)
"""Sizes of nodes: with room for what is compared, as a node lies below; the canvas makes room for the ranking and the curves when
they come, and Vue nodes put 262 pixels for them below what was room already."""
LOOKS = {"width": 512, "height": 512, "steps": 24, "cfg": 7.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}


def which_settings() -> Sheet:
    """Six short runs, ranked by pictures that none of them has seen."""
    s = Sheet("2 Which settings", 300)
    s.group("1, 2  Choose")
    s.note(
        """
        # Which settings?

        1 Choose a checkpoint in *Load Checkpoint*\\
        2 Choose or upload pictures with captions in *Dataset Loader*\\
        3 Write into *Sweep* what to try, a line for each setting\\
        4 Press *Run*, and look at the ranking and the grid
        ---

        Three learning rates at two ranks: six short runs, one after the other. *Sweep* says how many and how long before the first \
        step. Interrupt it at any time: *Run* goes on where it was.

        *Validation Config* holds one picture in ten out, and the *probe* measures the loss on those alone: it shows who overfits. Runs \
        that share a place, such as 1-3, cannot be told apart by it: then the pictures decide.

        **After that** put the values of the best into *Network Config* and *Optimizer Config*, take *Sweep* out, and train longer.
        """,
        360,
    )
    dataset = s.add("AthanorDatasetLoader", "", (360, 0), repeats=10)
    s.column()
    model = checkpoint(s, First("SD1.5"))
    run = Trained(s, **models(model))
    run.buckets(dataset["dataset"], 512, batch_size=2)
    s.group("Settings of all runs")
    run.config("network", rank=16, alpha=0.0)
    run.config("optimizer", optimizer_type="AdamW", learning_rate=1e-4)
    held_out = run.config("validation", validation_split=0.1)
    s.group("3  What to try")
    trained = run.train("which_settings", epochs=4)
    s.column()
    sweep = s.add("AthanorSweep", "", RANKING, run=trained["run"], settings=TRIED)
    s.group("4  Look")
    likeness = s.add("AthanorLikeness", "", TOLD, dataset=dataset["dataset"], validation=held_out["validation"])
    s.add("AthanorLossCompare", "Loss and probe of all", CURVES, sweep=sweep["runs"])
    s.column()
    compare(
        s, "The runs over prompts", run=sweep["best"], x=sweep["axis"], rows="prompt", strengths="1", seeds="1, 2",
        likeness=likeness["scorer"], **LOOKS, **models(model),
    )  # fmt: skip
    return s


ALL = (which_settings,)
