"""Two small networks that are no classifiers: one answers questions about a picture, one describes it word by word.

Both read pictures of two handwritten digits (:func:`gradlab.data.digit_pairs`) and, beside the picture, words. They
share one reader: the picture becomes a map; what is asked scales and shifts its channels (FiLM, Perez et al., AAAI
2018); what speaks for an answer is read off at every cell. The head is average pooling and one linear layer, so the
cells of a class's map add up to its logit minus its bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import InputError, outputs_of
from gradlab.core.errors import brief, did_you_mean
from gradlab.core.seeds import SINGLE
from gradlab.models.classifier import Classifier
from gradlab.models.shipped import FOLDER, building, load_weights

__all__ = [
    "ANSWERS", "DIGITS", "QUESTIONS", "QUESTION_WORDS", "VOCABULARY", "VQA", "CaptionClassifier", "Captioner",
    "Reader", "VQAClassifier", "captioner", "question_answers", "true_caption", "vqa",
]  # fmt: skip

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SIZE = (32, 64)

QUESTIONS = (
    "which digit is on the left?",
    "which digit is on the right?",
    "which digit is greater?",
    "which digit is smaller?",
    "what is their sum?",
)
QUESTION_WORDS = tuple(sorted({word for question in QUESTIONS for word in question.rstrip("?").split()}))
ANSWERS = tuple(str(number) for number in range(19))
# A full stop ends a caption, and the words so far begin after one.
VOCABULARY = (".", "a", "another", "greater", "left", "of", "smaller", *DIGITS)


class Reader(nn.Module):
    """Picture (N, 1, H, W) and query (N, D) to logits (N, classes); ``evidence`` is the map to explain, stride 4.

    ``local`` sees about one digit, ``context`` the whole picture (dilated convolutions): what stands where, and which
    of the two it is. The query enters after both, at every cell alike, so the map keeps its places.
    """

    def __init__(self, query: int, classes: int, channels: int = 64, context: int = 32) -> None:
        super().__init__()
        self.local = nn.Sequential(
            nn.Conv2d(1, 24, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(48, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
        )
        self.context = nn.Sequential(
            nn.Conv2d(channels + 2, context, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(context, context, 3, padding=4, dilation=4),
            nn.ReLU(),
        )
        self.mix = nn.Conv2d(channels + 2 + context, channels, 1)
        self.film = nn.Linear(query, 2 * channels)
        self.asked = nn.ReLU()
        self.evidence = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU())
        self.head = nn.Linear(channels, classes)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):  # no normalisation layers, so the scale has to be right from the start
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")

    def see(self, pictures: Tensor) -> Tensor:
        """Return the map before the query, (N, channels, H/4, W/4)."""
        seen = self.local(pictures)
        n, _, h, w = seen.shape
        rows = torch.linspace(-1, 1, h, **SINGLE).to(seen)[:, None].expand(n, 1, h, w)
        columns = torch.linspace(-1, 1, w, **SINGLE).to(seen).expand(n, 1, h, w)
        placed = torch.cat([seen, columns, rows], 1)
        mixed: Tensor = self.mix(torch.cat([placed, self.context(placed)], 1))
        return mixed

    def tell(self, seen: Tensor, query: Tensor) -> Tensor:
        """Return logits (N, classes) from the map and the query (N, D)."""
        scale, shift = self.film(query)[:, :, None, None].chunk(2, 1)
        logits: Tensor = self.head(self.evidence(self.asked((1 + scale) * seen + shift)).mean((2, 3)))
        return logits


class VQA(nn.Module):
    """Visual question answering: ``forward(pictures, question)`` to logits of the answers 0 to 18.

    A question is word numbers (N, T), or (1, T) for all pictures, 0 where there is no word. Its query is the sum of
    its words' vectors: the order of the words is not read.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(1 + len(QUESTION_WORDS), width, padding_idx=0)
        self.reader = Reader(width, len(ANSWERS))

    def query(self, question: Tensor) -> Tensor:
        """Return what is asked as vectors (N, width)."""
        vectors: Tensor = self.words(question).sum(1)
        return vectors

    def forward(self, pictures: Tensor, question: Tensor) -> Tensor:
        """Return logits (N, 19)."""
        rows = _rows(question, len(pictures), "question")
        return self.reader.tell(self.reader.see(pictures), self.query(rows))


class Captioner(nn.Module):
    """Captioning with the true words so far: ``forward(pictures, words)`` to logits of the next word.

    The words so far are numbers in ``VOCABULARY`` (N, T), or (1, T) for all pictures, beginning with 0, the full stop.
    """

    def __init__(self, width: int = 32, state: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), width)
        self.memory = nn.GRU(width, state, batch_first=True)
        self.reader = Reader(state, len(VOCABULARY))

    def query(self, words: Tensor) -> Tensor:
        """Return the state after each word, (N, T, state)."""
        states: Tensor = self.memory(self.words(words))[0]
        return states

    def forward(self, pictures: Tensor, words: Tensor) -> Tensor:
        """Return logits (N, vocabulary) of the word that comes next."""
        rows = _rows(words, len(pictures), "words")
        return self.reader.tell(self.reader.see(pictures), self.query(rows)[:, -1])


@dataclass(repr=False, kw_only=True)
class VQAClassifier(Classifier):
    """A question-answering network with the questions that it was taught; the answers are its labels."""

    questions: tuple[str, ...] = QUESTIONS

    def encode(self, question: str) -> Tensor:
        """Return a question as the network reads it, (1, T): pass it as ``extra_inputs=(net.encode(question),)``.

        Raises:
            InputError: an unknown word, or a question that was never asked in training (both with what could be meant).
        """
        numbers = _numbers(question.rstrip("? ") if isinstance(question, str) else question, QUESTION_WORDS)
        asked = " ".join(QUESTION_WORDS[number] for number in numbers) + "?"
        if asked not in self.questions:
            raise InputError(
                f"This network was never taught to answer {brief(asked)!r}.{did_you_mean(brief(asked), self.questions)}"
                " Its .questions are what it answers."
            )
        length = max(len(known.split()) for known in self.questions)
        row = [number + 1 for number in numbers] + [0] * (length - len(numbers))
        return torch.tensor([row], device=next(self.model.parameters()).device)

    def answer(self, pictures: Tensor, question: str) -> list[str]:
        """Return the likeliest answer for each of (N, 1, 32, 64)."""
        logits = outputs_of(self, pictures, extra_inputs=(self.encode(question),))
        return [self.labels[index] for index in logits.argmax(1).tolist()]


@dataclass(repr=False, kw_only=True)
class CaptionClassifier(Classifier):
    """A captioning network; the words are its labels."""

    longest: int = 8

    def encode(self, words: str = "") -> Tensor:
        """Return the words so far as the network reads them, (1, T): pass it as ``extra_inputs=(net.encode(words),)``.

        Raises:
            InputError: an unknown word (with the nearest ones).
        """
        return torch.tensor([[0, *_numbers(words, VOCABULARY)]], device=next(self.model.parameters()).device)

    def caption(self, pictures: Tensor) -> list[str]:
        """Describe each of (N, 1, 32, 64), always with the likeliest next word."""
        words = self.encode().expand(len(pictures), 1)
        for _ in range(self.longest):
            following = outputs_of(self, pictures, extra_inputs=(words,)).argmax(1, keepdim=True)
            words = torch.cat([words, following.to(words)], 1)
        sentences = [" ".join(self.labels[index] for index in row[1:]) for row in words.tolist()]
        return [sentence.split(" .")[0] for sentence in sentences]


def vqa() -> VQAClassifier:
    """Return a network that answers five questions about a picture of two digits, ``model(pictures, question)``.

    Raises:
        ModelError: its weights are missing or were changed.

    Examples:
        >>> net = gradlab.models.vqa()
        >>> pairs = gradlab.data.digit_pairs(2, seed=0, split="test")
        >>> pairs.digits.tolist(), net.answer(pairs.pictures, "which digit is greater?")
        ([[4, 0], [1, 4]], ['4', '4'])
        >>> maps = gradlab.explain.grad_cam(net, pairs.pictures, extra_inputs=(net.encode("what is their sum?"),))
        >>> maps.shape
        torch.Size([2, 1, 8, 16])
    """
    with building():
        model = VQA().float()
    load_weights(model, FOLDER / "vqa.safetensors")
    return VQAClassifier(**_kept(model), labels=ANSWERS, name="two-digit VQA")


def captioner() -> CaptionClassifier:
    """Return a network that describes a picture of two digits, ``model(pictures, words so far)``.

    Raises:
        ModelError: its weights are missing or were changed.

    Examples:
        >>> net = gradlab.models.captioner()
        >>> net.caption(gradlab.data.digit_pairs(2, seed=0, split="test").pictures[:1])
        ['a four left of a smaller zero']
    """
    with building():
        model = Captioner().float()
    load_weights(model, FOLDER / "captioner.safetensors")
    return CaptionClassifier(**_kept(model), labels=VOCABULARY, name="two-digit captioner")


def question_answers(digits: Tensor) -> Tensor:
    """Return the true answers (n, questions) for digits (n, 2), in the order of ``QUESTIONS``."""
    left, right = digits.unbind(1)
    return torch.stack([left, right, torch.maximum(left, right), torch.minimum(left, right), left + right], 1)


def true_caption(left: int, right: int) -> str:
    """Return the caption of two digits, as ``"a three left of a greater seven"``."""
    second = f"a {'greater' if right > left else 'smaller'} {DIGITS[right]}"
    return f"a {DIGITS[left]} left of {f'another {DIGITS[right]}' if left == right else second}"


def _kept(model: nn.Module) -> dict[str, Any]:
    """What both classifiers share: frozen, grey pictures as they are, and the map to explain."""
    frozen = model.eval().requires_grad_(False)
    return {"model": frozen, "size": _SIZE, "mean": (0.0,), "std": (1.0,), "resize": None, "layer": "reader.evidence"}


def _numbers(sentence: str, known: tuple[str, ...]) -> list[int]:
    if not isinstance(sentence, str):
        raise InputError(f"The words are a {type(sentence).__name__}: expected a sentence, str.")
    words = sentence.lower().split()
    for word in words:
        if word not in known:
            hint = did_you_mean(brief(word), known) or f" Its words are {', '.join(known)}."
            raise InputError(f"This network does not know the word {brief(word)!r}.{hint}")
    return [known.index(word) for word in words]


def _rows(tokens: Tensor, n: int, name: str) -> Tensor:
    """Return ``tokens`` with one row per picture."""
    if tokens.ndim != 2 or tokens.is_floating_point() or len(tokens) not in (1, n):
        raise InputError(
            f"{name} is a {tokens.dtype} tensor of shape {tuple(tokens.shape)}: expected word numbers ({n}, T) or "
            "(1, T), as net.encode(...) returns them."
        )
    return tokens.expand(n, -1)
