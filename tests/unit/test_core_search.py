"""A word finds the classes that it means, in the engine's errors as in the widgets' lists."""

from __future__ import annotations

import re

import pytest

import gradlab
from gradlab.core import TargetError
from gradlab.core.search import fit, groups_of, search
from tests.front.vectors import GROUPS, LABELS


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("cat", ["Cat", "tiger cat", "tabby", "lynx", "catamaran", "sea catfish", "scatter"]),
        ("car", ["car", "sports car", "cab", "oxcart"]),
        ("red", ["stop (red)", "redder"]),
        ("über", ["Über", "über allem", "der Über"]),
        ("black footed", ["black-footed ferret"]),
        ("ferret black", ["black-footed ferret"]),
        ("dog", []),
        ("(", ["stop (red)"]),
    ],
)
def test_the_best_first(typed: str, wanted: list[str]) -> None:
    assert [LABELS[c] for c in search(typed, LABELS, GROUPS)] == wanted


def test_signs_alone_are_no_words() -> None:
    assert fit("a - b", "-", False) == 5 and fit("ab", "-", False) == 6


@pytest.fixture(scope="module")
def net() -> gradlab.models.Classifier:
    return gradlab.models.imagenet()


@pytest.mark.parametrize(
    ("word", "among", "not_among"),
    [
        ("cat", {"tabby", "tiger cat", "Egyptian cat", "lynx", "lion"}, {"crate", "oxcart", "castle", "dog"}),
        ("dog", {"beagle", "pug", "German shepherd"}, {"hotdog", "tabby", "dingo"}),
        ("airplane", {"airliner", "warplane"}, {"plane", "airship"}),
        ("person", {"groom", "scuba diver", "ballplayer"}, {"pirate"}),
        ("bird", {"robin", "king penguin", "ostrich", "toucan"}, {"birdhouse", "tench"}),
        ("car", {"sports car", "cab", "jeep", "Model T"}, {"carton", "oxcart"}),
        ("bike", {"mountain bike", "bicycle-built-for-two", "tricycle"}, {"moped"}),
        ("mushroom", {"agaric", "bolete", "mushroom"}, {"hay"}),
        ("snake", {"boa constrictor", "sidewinder", "green mamba"}, {"Gila monster", "snail"}),
    ],
)
def test_words_for_what_imagenets_classes_are(
    net: gradlab.models.Classifier, word: str, among: set[str], not_among: set[str]
) -> None:
    found = [net.labels[c] for c in groups_of(net.labels)[word]]
    assert among <= set(found) and not not_among & set(found)
    assert len(set(found)) == len(found)


def test_every_group_holds_classes_of_their_own(net: gradlab.models.Classifier) -> None:
    groups = groups_of(net.labels)
    assert len(groups) > 90 and all(re.fullmatch("[a-z]+", word) for word in groups)
    for word, classes in groups.items():
        assert classes and len(set(classes)) == len(classes) and 0 <= min(classes) <= max(classes) < 1000, word
    assert groups_of(net.labels[:-1]) == groups_of(["cat", "dog"]) == {}


def test_an_unknown_label_names_what_the_word_means(net: gradlab.models.Classifier) -> None:
    with pytest.raises(TargetError) as raised:
        net.index("cat")
    said = str(raised.value)
    assert "'tiger cat' or" in said and "'Egyptian cat'" in said and len(said) < 300
    assert not any(word in said for word in ("crate", "oxcart", "castle"))
    with pytest.raises(TargetError, match="'zebra'"):
        net.index("zebre")  # no word at all: the nearest spelling
