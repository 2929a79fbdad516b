import pytest


class _Clip:
    """The host's tokenizer alone."""

    def __init__(self, **tokenizers):
        self.tokenizers = tokenizers

    def tokenize(self, text):
        return {
            name: tokens
            for part in self.tokenizers.values()
            for name, tokens in part.tokenize_with_weights(text).items()
        }


@pytest.fixture(scope="module")
def clip(comfy):
    from comfy.sd1_clip import SD1Tokenizer

    return _Clip(l=SD1Tokenizer())


def test_tokens_without_start_end_and_padding(clip):
    from athanor.training_core.host.text import count_tokens as count

    assert count(clip, "") == 0 and count(clip, "dog") == 1 and count(clip, "a dog, a cat") == 5
    assert count(clip, "dog " * 75) == 75 and count(clip, "dog " * 76) == 76 and count(clip, "dog " * 200) == 200


def test_brackets_count_unless_they_are_emphasis(clip):
    from athanor.training_core.host.text import count_tokens as count

    assert count(clip, "(dog:1.2)") > 1 and count(clip, "(dog:1.2)", weighted=True) == 1
    assert count(clip, r"\(dog\)") == count(clip, "(dog)") == 3


def test_zero_padding_and_encoders_without_a_limit(comfy):
    from athanor.training_core.host.text import count_tokens as count
    from comfy.sdxl_clip import SDXLClipGTokenizer

    class G:
        def tokenize_with_weights(self, text):
            return {"g": SDXLClipGTokenizer().tokenize_with_weights(text)}

    class T5:
        def tokenize_with_weights(self, text):
            return {"t5xxl": [[(5, 1.0), (1, 1.0), *[(0, 1.0)] * 75]]}

    assert count(_Clip(g=G()), "wow !") == 2
    assert count(_Clip(t=T5()), "dog") is None
