"""Regular expressions for layers: those that people write, and those that Python would never come to an end with."""

import re

import pytest
from athanor.training_core.settings import BlockSettings, NetworkSettings
from athanor.training_core.settings.expressions import compiled
from fuzz import no_hang

USUAL = [
    "attn2", "output_blocks", r"blocks\.\d+\.", ".*attn.*to_[qkv].*", r"^lora_unet_.*_attn\d+_.*$", "(attn|mlp).*(to_q|to_k)",
    r"(?:double|single)_blocks_(1?\d)_", r"(\w+\.){2}to_q", r"(?i)ADALN", r"(.*\.)?ff\.net", "a?b?c?", r".*\d+.*", "[]a]+x",
    r"up_blocks_(0|1|2)_(resnets|attentions)_\d+.*", r"(?P<name>attn)\d(?P=name)?", "(?!.*attn).*ff.*", r"\[a\(b\)",
    "|".join(f".*block_{i}_.*" for i in range(60)), "((((a))))+", "(?#note)x", r"a{2}b{1,3}",
]  # fmt: skip


@pytest.mark.parametrize("text", USUAL)
def test_usual_expressions_are_taken(text):
    assert compiled("include", text).pattern == text


def test_commas_and_lines_part_expressions_and_quotes_protect_a_comma():
    found = NetworkSettings(include='attn2, ff\r\n"a{2,3}", b\n').patterns("include")
    assert [each.pattern for each in found] == ["attn2", "ff", "a{2,3}", "b"]
    for settings, field in ((NetworkSettings, "exclude"), (BlockSettings, "reg_lrs")):
        with pytest.raises(ValueError, match=f"{field}: the quote before 'a=1' is not closed"):
            settings(**{field: '"a=1'})


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$", "(.*)*x", r"(\w+)+!", "(a|a)+$", "((a?)+)+b", "(aa?)*x", "(.*a){20}", ".*.*.*.*x", r"\w*.*\d*[a-z]*x",
        "a?" * 30 + "a" * 30, "(a|a)" * 30, "(?:(?:a*)+)+", "([a-z]+_?)+!", "(x+x+)+y", r"(.*)(.*)(.*)(.*)x",
    ],
)  # fmt: skip
def test_endless_expressions_are_refused_before_they_meet_a_name(text):
    with no_hang(text), pytest.raises(ValueError, match=r"^include: .* take forever; write it more simply"):
        compiled("include", text)


@pytest.mark.parametrize("text", ["(", "[a", "x" * 2000, "(" * 500 + ")" * 500, "a{99999999999999}", "\\"])
def test_invalid_expressions_are_one_sentence(text):
    with pytest.raises(ValueError, match=r"^include: '.{1,70}' is") as caught:
        compiled("include", text)
    assert len(str(caught.value)) < 300


def test_what_is_taken_ends():
    names = ["lora_unet_" + "_".join(f"input_blocks_{i}_transformer" for i in range(4)), "a" * 100, "1." * 50]
    for text in USUAL:
        with no_hang(text):
            for name in names:
                re.search(text + "(?!)", name)  # the worst case: no way to match


def test_fields_name_what_is_wrong():
    for settings, field in ((NetworkSettings, "include"), (NetworkSettings, "exclude"), (BlockSettings, "reg_dims")):
        text = "(a+)+$" if settings is NetworkSettings else "(a+)+$=4"
        with pytest.raises(ValueError, match=rf"{field}: '\(a\+\)\+\$' repeats a part"):
            settings(**{field: text})
        with pytest.raises(ValueError, match=rf"{field} has 600 expressions; at most 500"):
            settings(
                **{field: "\n".join(f"block_{i}" + ("=1" if settings is BlockSettings else "") for i in range(600))}
            )
