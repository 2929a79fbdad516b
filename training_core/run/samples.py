"""Sample pictures drawn while training, by the host's own sampler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import AthanorError
from ..families import Controls
from ..history.events import Encoded, Phase, Sampled, Scored, Warned
from ..host import determinism, devices, disabled, foreign, guard, sampling
from ..host.model import Trainable
from ..optim.averaging import WeightsContext, eval_mode
from ..pictures import save_png, to_bytes
from ..resume.progress import RunProgress
from ..settings import SamplingSettings
from .other_model import DrawnOn, OtherModel, with_network
from .prompts import Prompt
from .scoring import DrawnSample, prompts_read, scored
from .shown_pictures import ShownPictures

log = logging.getLogger("athanor")


class Samples:
    """Draws the same prompts with the same seeds again and again; nothing of the training changes by it."""

    def __init__(
        self,
        prompts: list[Prompt],
        settings: SamplingSettings,
        folder: Path,
        name: str,
        vae: Any,
        *,
        controls: Controls | None = None,
        other: OtherModel | None = None,
        scorer: Any = None,
    ) -> None:
        """Encode and draw nothing yet.

        Args:
            controls: how the model takes the prompts' control pictures; None: it takes none.
            other: the MODEL to draw with, with the network on it; None: the one that is trained.
            scorer: compares what is drawn with the training pictures; None: nobody does.
        """
        self.prompts, self._settings, self._vae = prompts, settings, vae
        self._folder, self._name, self._other, self._scorer = folder, name, other, scorer
        self._shown = ShownPictures(controls, vae)
        self._texts: dict[Hashable, Any] = {}

    def prepare(self, clip: Any) -> Iterator[Encoded]:
        """Encode the prompts and their control pictures once, for all pictures of the run."""
        parts = ((prompt, negative) for prompt in self.prompts for negative in (False, True))
        texts = {self._shown.key(*part): part for part in parts}
        if texts:
            yield Encoded("sample prompts", 0, len(texts))
        for done, (key, part) in enumerate(texts.items(), 1):
            guard.stop_if_interrupted()
            with torch.no_grad(), determinism.outside_training():
                self._texts[key] = self._shown.encode(clip, *part)
                self._shown.references(part[0])
            yield Encoded("sample prompts", done, len(texts))

    def prepare_scores(self) -> Iterator[Phase | Warned]:
        """Encode for the scorer what it needs of the prompts, before the model is loaded."""
        yield from prompts_read(self._scorer, [prompt.text for prompt in self.prompts])

    def due(self, kind: str, number: int) -> bool:
        """Return whether to draw after epoch or step `number` (`kind`: epoch or step); step 0 is before training."""
        settings = self._settings
        if kind == "step" and number == 0:
            return settings.sample_at_first
        by_epochs = bool(settings.sample_every_n_epochs)
        every = settings.sample_every_n_epochs if kind == "epoch" else 0 if by_epochs else settings.sample_every_n_steps
        return bool(every) and number % every == 0

    def draw(
        self,
        progress: RunProgress,
        kind: str,
        model: Trainable,
        trained: torch.nn.Module,
        eval_weights: WeightsContext,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Phase | Sampled | Scored | Warned]:
        """Draw all prompts with the network as it is now; a picture that fails becomes a warning.

        Args:
            stop: asked before each picture whether the run is to stop, which leaves the rest undrawn.
        """
        when, count = f"e{progress.epoch:06d}" if kind == "epoch" else f"{progress.step:06d}", len(self.prompts)
        drawn_on: DrawnOn | None = None  # the same for all prompts
        drawn: list[DrawnSample] = []
        for index, prompt in enumerate(self.prompts):
            if stop():
                break
            yield Phase(f"drawing sample {index + 1} of {count}")
            try:
                if index and model.text:  # the picture before may have pushed the encoders out, which nobody loads here
                    model.load()
                with eval_mode(trained, eval_weights), sampling.interlude(model) as patcher:
                    drawn_on = drawn_on or with_network(self._other, model, patcher, trained)
                    picture = self._picture(drawn_on, model, prompt)
            except Exception as error:  # no picture is worth the run
                devices.is_out_of_memory(error)  # clears CUDA's record of it, by which the next operation would fail
                if not isinstance(error, AthanorError):
                    log.warning("Athanor: sample %d could not be drawn", index + 1, exc_info=error)
                said = foreign.in_words(error).rstrip(".")
                yield Warned(f"Sample {index + 1} of step {progress.step} could not be drawn ({said}).")
                continue
            path = self._folder / f"{self._name}_{when}_{index:02d}_{prompt.seed}.png"
            save_png(path, picture, disabled.in_picture({"parameters": self._parameters(prompt)}))
            yield Sampled(
                path=path,
                step=progress.step,
                epoch=progress.epoch,
                index=index,
                prompt=prompt.text,
                seed=prompt.seed,
            )
            drawn.append(DrawnSample(index, prompt.text, prompt.seed, to_bytes(picture)))
        yield from scored(self._scorer, drawn, progress, model)
        if self.prompts:
            model.load()  # sampler, VAE and scorer may have pushed it out

    def _picture(self, drawn_on: DrawnOn, model: Trainable, prompt: Prompt) -> torch.Tensor:
        settings, (patcher, around) = self._settings, drawn_on

        def text(negative: bool) -> Any:
            known = self._texts.get(self._shown.key(prompt, negative))
            if known is None and model.text:  # the text encoder is trained: its answer changes from picture to picture
                known = self._shown.encode(model.text.clip, prompt, negative)
            return self._shown.with_latents(known, prompt)

        positive, negative = text(False), text(True)
        with around:
            return sampling.sample(
                patcher,
                self._vae,
                positive if prompt.guidance is None else sampling.guide(positive, prompt.guidance),
                negative,
                sampling.empty_latent(prompt.width, prompt.height),
                seed=prompt.seed,
                steps=prompt.steps,
                cfg=prompt.cfg,
                sampler=settings.sampler_name,
                scheduler=settings.scheduler,
            )[0]

    def _parameters(self, prompt: Prompt) -> str:
        """Return the `parameters` text of a PNG in the form that A1111 made common."""
        model = f", Model: {self._other.name}" if self._other else ""
        return (
            f"{prompt.text}\nNegative prompt: {prompt.negative}\nSteps: {prompt.steps}, Sampler: "
            f"{self._settings.sampler_name}, Schedule type: {self._settings.scheduler}, CFG scale: {prompt.cfg:g}, Seed: "
            f"{prompt.seed}, Size: {prompt.width}x{prompt.height}{model}"
        )
