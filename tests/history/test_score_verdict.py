"""What a run's scores are said to show: evidence, noise, copies; and as curves."""

import scored
from athanor.training_core.history import report_scores, score_curves, score_verdict, scores


def steps(means, pictures=4, spread=0.02, copies=None):
    """Events of epochs 1, 2, ... with so many pictures each, which lie around the mean, each prompt in its own way."""
    told = []
    for epoch, mean in enumerate(means, 1):
        event = scored.scored(10 * epoch, epoch, mean, copies=(copies or {}).get(epoch, 0))
        event["values"]["likeness"] = scored.mean(mean, pictures, spread / 2)
        event["scores"] = [
            {"index": i, **scored.cell(mean + 0.1 * i + spread * (-1) ** (i + epoch))} for i in range(pictures)
        ]
        told.append(event)
    return scores.of_events(told)


def said(*of, **more):
    return [(each.kind, each.text) for each in score_verdict.judge(steps(*of, **more))]


def test_the_best_is_named_with_its_noise_and_what_cannot_be_told_apart():
    ((kind, text),) = said([0.3, 0.5, 0.51])
    assert kind == "note" and text == (
        "Samples of epoch 3 look most like the training pictures (0.510 ± 0.008, standard error over 4 pictures, measured by colours and "
        "edges (weak)); epoch 2 cannot be told apart from it. No score decides by itself: look at them."
    )


def test_differences_within_the_noise_and_few_pictures_are_said():
    ((kind, text),) = said([0.5, 0.51, 0.505])
    assert kind == "unknown" and text.startswith(
        "By likeness, the files cannot be told apart: their differences are within the noise"
    )
    assert said([0.3, 0.9], pictures=2)[-1] == (
        "unknown",
        "Scores of 2 pictures a time tell little: give Sample Config 4 prompts or more.",
    )
    assert score_verdict.judge(()) == []


def test_copies_are_bad_news():
    kind, text = said([0.3, 0.5, 0.9], copies={3: 2})[0]
    assert kind == "bad" and text == (
        "Samples look like copies of training pictures: epoch 3 (2 of 4). Look at them beside those; take an earlier file (epoch 2 is most "
        "like them without copies), or train fewer steps."
    )


def test_curves_by_scale_and_the_report():
    told = score_curves.as_json(steps([0.3, 0.5, 0.9], copies={3: 2}))
    assert told is not None and told["title"] == "colours and edges (weak)" and told["copies"] == [[30, 3, 2, 4]]
    assert [[line["name"] for line in panel] for panel in told["panels"]] == [["likeness", "held_out"], ["variety"]]
    assert told["panels"][0][0]["points"][0] == [10, 0.3, 0.0082, 4] and told["trade_off"]["x"] == "variety"
    assert score_curves.as_json(()) is None and report_scores.parts(()) == []
    page = "".join(report_scores.parts(steps([0.3, 0.5, 0.9], copies={3: 2})))
    assert page.count("<svg") == 3 and "measured by colours and edges (weak)" in page and ">epoch 2</text>" in page
    assert 'class="b0 band"' in page and 'class="copies"' in page and "nan" not in page
