"""Answers to a graph's questions: the file or folder here that has the recipe's name, and answers that are given by role (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import AthanorError, quoted, shortened
from .loaders import ENDINGS
from .sheet import Answers, Graph, Question

_ANYONES = {
    "model", "diffusion_pytorch_model", "pytorch_model", "checkpoint", "unet", "vae", "text_encoder", "last", "lora", "my_lora",
    "img", "image", "images", "pictures", "train", "training", "data", "dataset", "datasets", "input", "reg", "mask", "masks",
    "control", "1", "",
}  # fmt: skip
"""Names that tell nothing by themselves: with these, the folder around must have the same name, too."""
_FILES = {
    "stable-diffusion-v1-5": ("v1-5-pruned-emaonly", "v1-5-pruned-emaonly-fp16", "v1-5-pruned"),
    "stable-diffusion-2-1": ("v2-1_768-ema-pruned",),
    "stable-diffusion-xl-base-1.0": ("sd_xl_base_1.0", "sd_xl_base_1.0_0.9vae"),
    "stable-diffusion-3-medium": ("sd3_medium_incl_clips", "sd3_medium_incl_clips_t5xxlfp8", "sd3_medium"),
    "stable-diffusion-3-medium-diffusers": ("sd3_medium_incl_clips", "sd3_medium_incl_clips_t5xxlfp8", "sd3_medium"),
    "stable-diffusion-3.5-medium": ("sd3.5_medium", "sd3.5_medium_incl_clips_t5xxlfp8scaled"),
    "stable-diffusion-3.5-large": ("sd3.5_large", "sd3.5_large_fp8_scaled"),
    "flux.1-dev": ("flux1-dev", "flux1-dev-fp8"),
    "flux.1-schnell": ("flux1-schnell", "flux1-schnell-fp8"),
    "flux.1-kontext-dev": ("flux1-kontext-dev", "flux1-dev-kontext_fp8_scaled"),
    "qwen-image": ("qwen_image_bf16", "qwen_image_fp8_e4m3fn"),
    "z-image": ("z_image_bf16",),
    "z-image-turbo": ("z_image_turbo_bf16",),
    "chroma1-hd": ("Chroma1-HD", "Chroma1-HD-fp8mixed"),
}
"""Name of a model on Hugging Face -> how its file is called there, or where ComfyUI's templates have it from: the first that is here."""


def same_name(said: str, names: Sequence[str]) -> str:
    """Return the one of `names` that a path of another machine, or a model's name on a hub, means; '' where none is it."""
    plain = said.strip().replace("\\", "/").rstrip("/")
    if not plain or plain in names:
        return plain
    meant = (plain, *_FILES.get(plain.lower().rpartition("/")[2], ()))
    return next((found for each in meant if (found := _by_its_end(each, names))), "")


def _by_its_end(path: str, names: Sequence[str]) -> str:
    """Return the one of `names` whose last parts are those of a path, the one with most of them; '' for none."""
    wanted = _parts(path)
    least = 2 if wanted[-1] in _ANYONES else 1
    found = [(_alike(wanted, _parts(name)), name) for name in names]
    best = max((alike for alike, _ in found), default=0)
    return next(name for alike, name in found if alike == best) if best >= least else ""


def _parts(path: str) -> list[str]:
    """Return the parts of a path of any system, in lower case, the last one without a model's ending."""
    parts = path.strip().lower().replace("\\", "/").rstrip("/").split("/")
    ending = next((each for each in ENDINGS if parts[-1].endswith(each)), "")
    return [*parts[:-1], parts[-1].removesuffix(ending)]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many parts at the end of two paths are the same."""
    count = 0
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def by_role(graph: Graph, given: Sequence[tuple[str, str]]) -> Answers:
    """Return answers that are given by role: of several with one role the first is for its first question, and so on.

    Loaders that ask for the same file, such as a checkpoint that two nodes read, get the same answer.

    Raises:
        AthanorError: there is no question with this role, or fewer than answers.
    """
    found: dict[tuple[str, str], str] = {}
    for role in dict.fromkeys(role for role, _ in given):
        questions, answers = _asked(graph, role), [value for each, value in given if each == role]
        if len(answers) > len(questions):
            roles = ", ".join(dict.fromkeys(question.role for question in graph.questions)) or "nothing"
            number = f"only {len(questions)} times" if questions else "nowhere"
            raise AthanorError(
                f"{quoted(role)} is asked for {number}, but {shortened(answers[-1])} is one more answer; asked for: {roles}."
            )
        for same, answer in zip(questions, answers, strict=False):
            found |= {(question.node, question.input): answer for question in same}
    return found


def _asked(graph: Graph, role: str) -> list[list[Question]]:
    """Return the questions with a role; those of one file that are asked in several nodes are together."""
    if role in ("folder", "mask_folder", "control_folder", "text_encoder"):
        return [[question] for question in graph.questions if question.role == role]
    questions = [question for question in graph.questions if question.role == role]
    return [questions] if questions else []


def open_questions(graph: Graph, answers: Mapping[tuple[str, str], str]) -> list[Question]:
    """Return the questions without an answer that the graph cannot run without."""
    return [each for each in graph.questions if each.needed and not answers.get((each.node, each.input))]
