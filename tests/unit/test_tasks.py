"""A captioner and a question answerer: what they know, and every CAM with words beside the picture.

The truth is known here: a question names a digit, the digit has a box. A map that explains the answer should point
there, more often than the best fixed place and than the same network with weights that learnt nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import gradlab
from gradlab.core import InputError, TargetError, outputs_of
from gradlab.data import DigitPairs, digit_pairs
from gradlab.explain import (
    all_contrasts,
    class_maps,
    contrast_cam,
    counterfactual_cam,
    grad_cam,
    upsample,
)
from gradlab.models.tasks import (
    DIGITS,
    QUESTIONS,
    VOCABULARY,
    VQA,
    CaptionClassifier,
    VQAClassifier,
    question_answers,
    true_caption,
)

LEFT, RIGHT = QUESTIONS[:2]


@pytest.fixture(scope="module")
def vqa() -> VQAClassifier:
    return gradlab.models.vqa()


@pytest.fixture(scope="module")
def captioner() -> CaptionClassifier:
    return gradlab.models.captioner()


@pytest.fixture(scope="module")
def pairs() -> DigitPairs:
    return digit_pairs(400, 11, "test")


def random_vqa(seed: int) -> VQAClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VQA().eval()
    return VQAClassifier(model, [str(n) for n in range(19)], (32, 64), mean=(0.0,), std=(1.0,), layer="reader.evidence")


# --- what they know ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_to_pictures_never_seen(vqa: VQAClassifier, pairs: DigitPairs, question: str) -> None:
    truth = question_answers(pairs.digits)[:, QUESTIONS.index(question)].tolist()
    said = vqa.answer(pairs.pictures, question)
    assert sum(a == str(t) for a, t in zip(said, truth, strict=True)) / len(pairs) > 0.9
    # the control: the same pictures in another order, so that knowing which answers are common is not enough
    assert sum(a == str(t) for a, t in zip(said, truth[1:] + truth[:1], strict=True)) / len(pairs) < 0.3


def test_captions_of_pictures_never_seen(captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    truth = [true_caption(*two) for two in pairs.digits.tolist()]
    said = captioner.caption(pairs.pictures)
    assert sum(a == t for a, t in zip(said, truth, strict=True)) / len(pairs) > 0.85
    assert sum(a == t for a, t in zip(said, truth[1:] + truth[:1], strict=True)) / len(pairs) < 0.1


def test_the_truth_is_right() -> None:
    assert question_answers(torch.tensor([[3, 7], [4, 4]])).tolist() == [[3, 7, 7, 3, 10], [4, 4, 4, 4, 8]]
    assert true_caption(3, 7) == "a three left of a greater seven"
    assert true_caption(7, 0) == "a seven left of a smaller zero"
    assert true_caption(1, 1) == "a one left of another one"
    assert all(word in VOCABULARY for word in true_caption(3, 7).split())


def test_a_caption_is_the_likeliest_word_again_and_again(captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    x = pairs.pictures[:1]
    words: list[str] = []
    while not words or words[-1] != ".":
        words.append(captioner.labels[int(captioner(x, captioner.encode(" ".join(words))).argmax())])
    assert captioner.caption(x) == [" ".join(words[:-1])]


# --- what they read ------------------------------------------------------------------------------------------------


def test_shapes_and_one_question_for_all(vqa: VQAClassifier, captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    x, asked, words = pairs.pictures[:3], vqa.encode(LEFT), captioner.encode("a three left")
    assert vqa(x, asked).shape == (3, 19)
    torch.testing.assert_close(vqa(x, asked.expand(3, -1)), vqa(x, asked))
    assert words.tolist() == [[0, *(VOCABULARY.index(w) for w in ("a", "three", "left"))]]
    assert captioner(x, words).shape == (3, len(VOCABULARY))
    assert len({vqa.encode(question).shape for question in QUESTIONS}) == 1  # so that questions can be stacked
    each = torch.cat([vqa.encode(question) for question in QUESTIONS[:3]])
    torch.testing.assert_close(vqa(x, each)[1:2], vqa(x[1:2], vqa.encode(RIGHT)))


def test_a_picture_from_the_screen_is_the_same_picture(vqa: VQAClassifier, pairs: DigitPairs) -> None:
    torch.testing.assert_close(vqa.transform(pairs.image(0)), pairs.pictures[0], atol=0.5 / 255, rtol=0)
    assert vqa.view(pairs.image(0)).size == (64, 32)


BAD_WORDS: dict[str, tuple[Callable[[VQAClassifier, CaptionClassifier], object], str]] = {
    "misspelt question": (lambda v, c: v.encode("which digit is on the lfet?"), "word 'lfet'.*Did you mean 'left'"),
    "misspelt caption": (lambda v, c: c.encode("a sevn left"), "word 'sevn'.*Did you mean 'seven'"),
    "unlike any word": (lambda v, c: v.encode("xyzzy?"), "Its words are digit, greater"),
    "untaught question": (lambda v, c: v.encode("which is left?"), "never taught to answer 'which is left\\?'"),
    "no question": (lambda v, c: v.encode(""), "never taught"),
    "no batch": (lambda v, c: v(torch.zeros(2, 1, 32, 64), v.encode(LEFT)[0]), "question is a torch.int64 tensor"),
    "wrong batch": (lambda v, c: c(torch.zeros(2, 1, 32, 64), c.encode("a").expand(3, -1)), r"expected .* \(2, T\)"),
    "no numbers": (lambda v, c: c(torch.zeros(2, 1, 32, 64), torch.zeros(2, 4)), "words is a torch.float32 tensor"),
}


@pytest.mark.parametrize("name", BAD_WORDS)
def test_bad_words(vqa: VQAClassifier, captioner: CaptionClassifier, name: str) -> None:
    ask, message = BAD_WORDS[name]
    with pytest.raises(InputError, match=message):
        ask(vqa, captioner)


def test_case_and_question_mark_do_not_matter(vqa: VQAClassifier) -> None:
    assert torch.equal(vqa.encode("Which digit is on the LEFT"), vqa.encode(LEFT))


# --- maps with words beside the picture ------------------------------------------------------------------------------


def slow_map(net: VQAClassifier, x: Tensor, asked: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Grad-CAM from its definition, channel by channel, on the network taken apart by hand."""
    reader = net.model.reader
    scale, shift = reader.film(net.model.query(asked))[:, :, None, None].chunk(2, 1)
    maps = reader.evidence(torch.relu((1 + scale) * reader.see(x) + shift)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(reader.head(maps.mean((2, 3)))).sum(), maps)
    total = torch.zeros_like(maps[:, :1])
    for channel in range(maps.shape[1]):
        total += gradient[:, channel].mean((1, 2))[:, None, None, None] * maps.detach()[:, channel, None]
    return total


def test_maps_of_an_answer_are_their_definition(vqa: VQAClassifier, pairs: DigitPairs) -> None:
    x, asked = pairs.pictures[:2], vqa.encode(RIGHT).expand(2, -1)
    seven, extra = vqa.index("7"), (asked,)
    want = slow_map(vqa, x, asked, lambda z: z[:, seven])
    for target in ("7", seven, [seven, seven], lambda z: z[:, seven]):
        torch.testing.assert_close(grad_cam(vqa, x, target, extra_inputs=extra), want)
    torch.testing.assert_close(counterfactual_cam(vqa, x, "7", extra_inputs=extra), -want)
    nine = torch.tensor([9, 9])
    want = slow_map(vqa, x, asked, lambda z: nn.functional.cross_entropy(z, nine, reduction="none"))
    torch.testing.assert_close(contrast_cam(vqa, x, "9", extra_inputs=extra), want, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(all_contrasts(vqa, x, extra_inputs=extra)[:, 9:10], want, rtol=1e-4, atol=1e-6)


def test_maps_of_a_word(captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    x, extra = pairs.pictures[:2], (captioner.encode("a"),)
    word = grad_cam(captioner, x, "three", extra_inputs=extra)
    assert word.shape == (2, 1, 8, 16)
    torch.testing.assert_close(word, grad_cam(captioner, x, lambda z: z[:, VOCABULARY.index("three")], None, extra))
    rather = contrast_cam(captioner, x, lambda z: z.logsumexp(1) - z[:, VOCABULARY.index("nine")], None, extra)
    torch.testing.assert_close(rather, contrast_cam(captioner, x, "nine", extra_inputs=extra), rtol=1e-4, atol=1e-6)
    with pytest.raises(TargetError, match="Did you mean 'seven'"):
        grad_cam(captioner, x, "sevenn", extra_inputs=extra)


def test_a_score_that_reads_several_words(captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    """Why a digit at all, and no other word: a callable over all outputs."""
    numbers = [VOCABULARY.index(word) for word in DIGITS]
    x, extra = pairs.pictures[:2], (captioner.encode("a"),)
    got = grad_cam(captioner, x, lambda z: z[:, numbers].mean(1), extra_inputs=extra)
    every = class_maps(captioner, x, extra_inputs=extra).maps
    torch.testing.assert_close(got, every[:, numbers].mean(1, keepdim=True), rtol=1e-4, atol=1e-6)


def test_cells_add_up_to_the_logit(vqa: VQAClassifier, captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    x = pairs.pictures[:2]
    for net, asked in ((vqa, vqa.encode(LEFT)), (captioner, captioner.encode("a"))):
        found = class_maps(net, x, extra_inputs=(asked,))
        assert (found.layer, found.exact) == ("reader.evidence", True)
        total = found.maps.sum((2, 3)) + net.model.reader.head.bias
        torch.testing.assert_close(total, found.logits, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.logits, net(x, asked))


def test_the_map_is_found_without_being_named(vqa: VQAClassifier, pairs: DigitPairs) -> None:
    x, extra = pairs.pictures[:1], (vqa.encode(LEFT),)
    torch.testing.assert_close(
        grad_cam(vqa.model, x, extra_inputs=extra), grad_cam(vqa, x, extra_inputs=extra), rtol=1e-4, atol=1e-6
    )


# --- do the maps point at what was asked? --------------------------------------------------------------------------


def hit(net: VQAClassifier, pairs: DigitPairs, question: str, box: int) -> Tensor:
    """Whether the map of the answer peaks inside the box, (n,) bool."""
    maps = grad_cam(net, pairs.pictures, extra_inputs=(net.encode(question),))
    peak = upsample(maps, (32, 64)).flatten(1).argmax(1, keepdim=True)
    return pairs.masks()[:, box].flatten(1).gather(1, peak)[:, 0]


def hits(net: VQAClassifier, pairs: DigitPairs, question: str, box: int) -> float:
    return float(hit(net, pairs, question, box).float().mean())


@pytest.mark.parametrize(("question", "box"), [(LEFT, 0), (RIGHT, 1)])
def test_pointing_game(vqa: VQAClassifier, pairs: DigitPairs, question: str, box: int) -> None:
    pointed = hits(vqa, pairs, question, box)
    best_fixed_place = float(pairs.masks()[:, box].float().mean(0).max())
    assert pointed > 0.85
    assert pointed > best_fixed_place + 0.1
    assert hits(vqa, pairs, question, 1 - box) < 0.1  # the same maps, held against the other digit


def test_the_map_moves_with_the_question(vqa: VQAClassifier, pairs: DigitPairs) -> None:
    """Left and right in the same picture. A map that ignores the question cannot do both: the boxes are disjoint."""

    def both(net: VQAClassifier) -> float:
        return float((hit(net, pairs, LEFT, 0) & hit(net, pairs, RIGHT, 1)).float().mean())

    assert both(vqa) > 0.75
    assert max(both(random_vqa(seed)) for seed in range(5)) < 0.25


def test_pointing_game_where_both_digits_share_a_half(vqa: VQAClassifier) -> None:
    """So that 'left' cannot mean the left half of the picture."""
    drawn = digit_pairs(1500, 12, "test")
    centres = drawn.boxes[..., ::2].float().mean(2)
    rows = ((centres > 32).all(1) | (centres < 32).all(1)).nonzero()[:, 0]
    shared = DigitPairs(drawn.pictures[rows], drawn.digits[rows], drawn.boxes[rows])
    assert len(shared) > 150
    for question, box in ((LEFT, 0), (RIGHT, 1)):
        assert hits(vqa, shared, question, box) > 0.75
        assert hits(vqa, shared, question, 1 - box) < 0.2


def test_number_words_point_at_their_digit(captioner: CaptionClassifier, pairs: DigitPairs) -> None:
    first = captioner.encode("a")
    second = torch.tensor([[0, *map(VOCABULARY.index, true_caption(*two).split()[:-1])]
                           for two in pairs.digits.tolist() if two[0] != two[1]])  # fmt: skip
    rows = (pairs.digits[:, 0] != pairs.digits[:, 1]).nonzero()[:, 0]
    for box, words in ((0, first), (1, second)):
        names = [DIGITS[d] for d in pairs.digits[rows, box].tolist()]
        maps = grad_cam(captioner, pairs.pictures[rows], names, extra_inputs=(words,))
        peak = upsample(maps, (32, 64)).flatten(1).argmax(1, keepdim=True)
        pointed = [float(pairs.masks()[rows, b].flatten(1).gather(1, peak).float().mean()) for b in (box, 1 - box)]
        assert pointed[0] > 0.85
        assert pointed[1] < 0.1


def test_asking_leaves_the_network_as_it_was(vqa: VQAClassifier, pairs: DigitPairs) -> None:
    before = outputs_of(vqa, pairs.pictures[:1], (vqa.encode(LEFT),))
    vqa.model.train()
    vqa.answer(pairs.pictures[:1], LEFT)
    assert all(part.training for part in vqa.model.modules())
    vqa.model.eval()
    assert torch.equal(outputs_of(vqa, pairs.pictures[:1], (vqa.encode(LEFT),)), before)
