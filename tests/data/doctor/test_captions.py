import pytest
from athanor.training_core.data.doctor import caption_checks, tag_checks, texts
from doctored import sensible, written


def findings(dataset, trigger="", count=None):
    training_texts = texts.training_texts(dataset)
    lists = tag_checks.tag_lists(dataset, training_texts)
    result = [
        *caption_checks.check(dataset, training_texts, trigger, count),
        *tag_checks.check(dataset, lists, trigger, tag_checks.mostly_tags(dataset, training_texts, lists)),
        *caption_checks.scan_warnings(dataset),
    ]
    kinds = [f.kind for f in result]
    assert all(f.text.endswith(".") and "\n" not in f.text for f in result)
    return dict(zip(kinds, result, strict=True))


def test_sensible_captions_are_left_alone():
    assert findings(written(sensible(20)), "mychar") == {}


def test_sentences_are_left_alone():
    places = ("a field", "a kitchen", "an old town", "a forest", "the snow", "a train", "a boat", "a library")
    assert (
        findings(
            written([f"A photo of mychar standing in {p}, seen from the side, in soft light." for p in places]),
            "mychar",
        )
        == {}
    )


def test_missing():
    result = findings(written(["", "a dog in a field", "  "]))
    assert result["missing captions"].pictures == (0, 2) and result["missing captions"].level == "warning"
    assert "No picture has a caption" in findings(written(["", ""]))["missing captions"].text
    assert "missing captions" not in findings(written(["", ""], caption_prefix="sks"))


def test_identical():
    result = findings(written(["a dog"] * 4 + ["a cat on a table"]))["identical captions"]
    assert result.level == "warning" and result.pictures == (0, 1, 2, 3)
    assert findings(written(["sks dog"] * 4, class_tokens="sks dog"))["identical captions"].level == "hint"
    assert findings(written(["dog"] * 4, is_reg=True)) == {}


def test_short_among_longer_ones():
    result = findings(written([*sensible(9), "dog"]), "mychar")
    assert result["short captions"].pictures == (9,)
    assert "short captions" not in findings(written(["dog", "cat", "bird"]))
    assert "short captions" not in findings(written([*sensible(9), "mychar"]), "mychar")


def test_full_width_commas():
    assert findings(written(["长发，微笑，室外", "长发, 微笑, 坐着"]))["commas"].pictures == (0,)
    assert "commas" not in findings(
        written(["一个女孩坐在樱花树下的长椅上，穿着一件白色的连衣裙，微笑着看着远方的观众。"])
    )


def test_contradictions():
    result = findings(
        written(
            [
                *sensible(5),
                "mychar, 1girl, 2_girls, 2girls",
                "mychar, Short Hair, long_hair",
                "mychar, solo, multiple girls",
            ]
        )
    )
    assert result["contradictions"].pictures == (5, 6, 7)
    assert "short hair + long hair" in result["contradictions"].text


@pytest.mark.parametrize(
    "caption",
    [
        "1girl, solo, blue eyes, red eyes, heterochromia",
        "1girl, blonde hair, pink hair, two-tone hair",
        "2girls, long hair, short hair, open mouth, closed mouth",
        "1girl, 1boy, black hair, blonde hair",
        "1girl, long hair, very long hair, blue hair, aqua hair",
        "1girl, multiple views, standing, sitting",
        "1girl, standing, shorts, long sleeves, short sleeves",
    ],
)
def test_no_contradiction(caption):
    assert "contradictions" not in findings(written([*sensible(5), caption]))


def test_contradictions_are_seen_among_sentences():
    sentence = "A photo of a ceramic vase that stands on a wooden table in soft window light."
    result = findings(written([sentence, f"Also {sentence}", f"Again {sentence}", "mychar, short hair, long hair"]))
    assert result["contradictions"].pictures == (3,) and "misspelt tags" not in result


def test_misspelt():
    base = [
        "mychar, 1girl, long hair, blue eyes, smile",
        "mychar, long hair, blue eyes, hat",
        "mychar, long hair, blue eyes, tree",
    ]
    result = findings(written([*base * 2, "mychar, long hiar, blue eyes, book"]))["misspelt tags"]
    assert result.pictures == (6,) and "'long hiar'" in result.text and "perhaps 'long hair'" in result.text


@pytest.mark.parametrize("tag", ["white skirt", "1girl", "2girls", "brown eyes", "school", "blue eye", "mychar2"])
def test_rare_tags_that_are_no_misspelling(tag):
    base = [
        "mychar, white shirt, 2boys, brown hair, stool, blue eyes",
        "mychar, white shirt, brown hair, stool, blue eyes",
    ]
    assert "misspelt tags" not in findings(written([*base * 3, f"mychar, {tag}, white shirt"]))


def test_repeated_tag():
    assert findings(written([*sensible(5), "mychar, hat, book, hat"]))["repeated tags"].pictures == (5,)


def test_tag_in_all_and_in_nearly_all():
    dataset = written([f"{c}, red scarf{', dress' * (n != 4)}" for n, c in enumerate(sensible(20))])
    result = findings(dataset, "mychar")
    assert (
        result["tags in nearly all"].pictures == (4,)
        and "'dress' in 19 of 20, not in 4.png" in result["tags in nearly all"].text
    )
    assert (
        "'red scarf' is in every caption" in result["tags in all"].text and "mychar" not in result["tags in all"].text
    )
    assert all(f.level == "hint" for f in result.values())


def test_trigger():
    dataset = written([*sensible(8), "hat, book, tree"])
    assert findings(dataset, "mychar")["trigger"].level == "warning" and findings(dataset, "mychar")[
        "trigger"
    ].pictures == (8,)
    assert findings(dataset, "mycha")["trigger"].level == "error"
    assert "trigger" not in findings(dataset)
    assert "trigger" not in findings(written(["a dog", "one dog in snow"], caption_prefix="MyChar,"), "mychar")
    reg = written(["mychar, person"], is_reg=True)
    assert findings(written(sensible(4)).joined(reg), "mychar")["trigger in regularization"].pictures == (4,)
    assert "trigger" not in findings(written(["一只猫娘在树下"]), "猫娘")


def test_too_long():
    long = "mychar, " + ", ".join(f"word{n}" for n in range(60))
    result = findings(written([*sensible(3), long]))["long captions"]
    assert result.pictures == (3,) and "about" in result.text
    exact = findings(written([*sensible(3), long]), count=lambda text, weighted: 140)["long captions"]
    assert "(140 tokens)" in exact.text and "to 150" in exact.text and "will be cut" in exact.text
    assert "long captions" not in findings(written([long]), count=lambda text, weighted: None)
    assert "long captions" not in findings(written([long]), count=lambda text, weighted: 75)
    assert "long captions" not in findings(written([long], max_token_length="unlimited"))


def test_huge_captions_are_quick():
    assert "long captions" in findings(written(["word, " * 20000, "sentence " * 50000]))


def test_words_of_the_loader():
    from dataclasses import replace

    out = tuple(f"p{n}.png cannot be read and is left out: image file is truncated." for n in range(50))
    dataset = replace(written(sensible(3)), warnings=(*out, "2 captions have no picture of their name: a, b."))
    loading = caption_checks.scan_warnings(dataset)
    assert (
        len(loading) == 2
        and "50 pictures are left out" in loading[0].text
        and "p0.png, p1.png, p2.png and 47 more." in loading[0].text
    )


def test_text_is_what_is_trained_without_chance():
    settings = written(
        ["x"], enable_wildcard=True, shuffle_caption=True, caption_dropout_rate=1, keep_tokens_separator="|||"
    ).subsets[0]
    assert texts.training_text("b ||| {cat|long dog}, a", settings) == "b, long dog, a"


def test_estimate_is_about_right():
    # Counted with the host's CLIP tokenizer: 31, 31, 81.
    for text, tokens in (
        ("1girl, solo, long hair, blue eyes, looking at viewer, school uniform, white shirt, pleated skirt, outdoors, "
         "cherry blossoms, smile", 31),
        ("A photograph of an old fisherman mending his nets on a wooden pier at dawn, with soft golden light and gulls "
         "circling over the harbour in the background.", 31),
        ("一只可爱的猫娘坐在樱花树下，穿着白色连衣裙，微笑着看着观众", 81),
    ):  # fmt: skip
        assert texts.estimated_tokens(text) == pytest.approx(tokens, rel=0.25)


def test_captions_of_which_only_the_first_line_is_trained():
    captions = ["a dog\nIt runs.", "a cat", "a cow\nIt stands."]
    result = findings(written(captions))["captions of several lines"]
    assert result.pictures == (0, 2) and result.level == "warning" and "enable_wildcard" in result.text
    assert "captions of several lines" not in findings(written(captions, enable_wildcard=True))
