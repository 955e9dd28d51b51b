"""What is asked and said of a picture: no state of (what the network says, P, Q) gives a contradiction."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gradlab.widgets.questions import default_q, distinct, percent, probability, words
from tests.front.vectors import STATES

THREE, TWO = ["cat", "dog", "fox"], ["cat", "dog"]


@pytest.mark.parametrize(
    ("labels", "p", "asked", "other", "third", "meaning", "said"),
    [
        (THREE, [0.7, 0.2, 0.1], 0, 1, "Why cat, rather than dog?", "for what the network says, against Q",
         "The network says cat 0.70, dog 0.20."),
        (THREE, [0.7, 0.2, 0.1], 0, 0, "Why not cat with 100 % confidence?", "for the other answers, against P",
         "The network says cat 0.70."),
        (THREE, [0.7, 0.2, 0.1], 1, 0, "Why dog, rather than cat?",
         "for the other answers, of which P is 67 %, against what the network says",
         "The network says cat 0.70; dog 0.20."),
        (THREE, [0.7, 0.2, 0.1], 1, 1, "Why not dog with 100 % confidence?", "for the other answers, against P",
         "The network says cat 0.70; dog 0.20."),
        (THREE, [0.7, 0.2, 0.1], 1, 2, "Why cat, rather than fox?", "for what the network says (not P), against Q",
         "The network says cat 0.70; dog 0.20; fox 0.10."),
        (THREE, [0.4, 0.4, 0.2], 1, 0, "Why dog, rather than cat?",
         "for the other answers, of which P is 67 %, against what the network says",
         "The network says cat 0.40; dog 0.40."),
        (THREE, [1.0, 0.0, 0.0], 2, 0, "Why fox, rather than cat?",
         "for the other answers, of which P is 0 %, against what the network says",
         "The network says cat > 0.9999; fox < 0.0001."),
        (TWO, [0.7, 0.3], 1, 0, "Why dog, rather than cat?", "for P, against what the network says",
         "The network says cat 0.70; dog 0.30."),
        (["cat"], [1.0], 0, 0, "Why not cat with 100 % confidence?", "for the other answers, against P",
         "The network says cat > 0.9999."),
    ],
)  # fmt: skip
def test_the_words_of_a_state(
    labels: list[str], p: list[float], asked: int, other: int, third: str, meaning: str, said: str
) -> None:
    found = words(labels, np.array(p), asked, other)
    assert found.titles == (f"Why {labels[asked]}?", f"What if not {labels[asked]}?", third)
    assert (found.meaning, found.said) == (meaning, said)


@pytest.mark.parametrize("p", STATES, ids=str)
def test_no_state_contradicts_itself(p: list[float]) -> None:
    labels, chance = [f"name{c}" for c in range(len(p))], np.array(p)
    order = [int(c) for c in np.argsort(-chance, kind="stable")]
    for asked in range(len(p)):
        assert (default_q(order, asked) == asked) == (len(p) == 1)
        for other in range(len(p)):
            found = words(labels, chance, asked, other)
            named = re.findall(r"name\d+", found.titles[2])
            assert len(set(named)) == len(named) == (1 if asked == other else 2)
            assert labels[other] in named and {labels[asked], labels[order[0]]} & set(named)
            assert re.search(r"says (name\d+)", found.said)[1] == labels[order[0]]  # type: ignore[index]
            assert {labels[asked], labels[other]} <= set(re.findall(r"name\d+", found.said))
            said = re.findall(r"name\d+", found.said)
            assert len(set(said)) == len(said)
            assert re.sub(r" \([\d<> .]+\)", "", found.asked) == found.titles[2]
            assert "nan" not in f"{found}".lower()


def test_small_shares_are_not_called_nothing() -> None:
    assert [percent(each) for each in (0, 0.0001, 0.0099, 0.01, 0.495, 0.995, 1)] == [
        "0 %", "< 1 %", "< 1 %", "1 %", "50 %", "100 %", "100 %",
    ]  # fmt: skip
    assert [probability(each) for each in (0.0, 0.00012, 0.01, 0.994, 0.99995)] == [
        "< 0.0001", "0.0001", "0.01", "0.9940", "> 0.9999",
    ]  # fmt: skip


def test_classes_of_one_name_are_told_apart() -> None:
    assert distinct(["crane", "dog", "crane"]) == ["crane (class 0)", "dog", "crane (class 2)"]
    assert distinct(["a", "b"]) == ["a", "b"]
