"""Finding classes by a word: of their label, or of what they are ("dog", "airplane"). The widgets' pickers do the same.

``front/lib/search.js`` is the twin of :func:`fit`; one table of cases holds both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["fit", "groups_of", "search"]

# Words above or beside ImageNet's labels, mostly WordNet's hypernyms, and the classes they stand for.
_IMAGENET = {
    "aircraft": "403-405 417 726 812 895", "airplane plane aeroplane jet": "404 895 812", "amphibian": "25-32",
    "animal": "0-397", "ape": "365-369", "ball": "429-430 522 574 722 746 768 805 852 890",
    "bear": "294-297 388", "beetle": "300-307", "bicycle bike": "444 671 870 880", "bird": "7-24 80-100 127-146",
    "boat ship": "403 472 484 510 554 576 625 628 780 814 833 871 914", "bottle": "440 720 737 898 907",
    "bug insect": "300-326", "bus": "654 779 874", "butterfly": "321-326",
    "car automobile": "407 436 468 511 609 627 656 661 717 751 817", "cat": "281-293", "cattle cow bull": "345-347",
    "chair seat": "423 559 703 765 831 857", "clock watch": "409 530-531 604 826 835 892",
    "clothes clothing dress": "399-400 411 433 445 459 474 501 568 578 601 608 610 614 617 638-639 652 655 689 697 735 "
    "775 824 834 841-842 869 887",
    "computer": "508 527 590 620 664 673 681", "crab": "118-121 125", "deer antelope": "350-353", "dinosaur": "51",
    "dog": "151-268", "duck": "97-98", "elephant": "101 385-386", "fish": "0-6 389-397",
    "flower plant": "984-987", "food dish": "924-969", "fox": "277-280", "frog toad": "30-32",
    "fruit": "948-957", "furniture": "423 431 453 493 495 516 520 526 532 553 559 564 703 765 831 857 894",
    "goat sheep": "348-350", "gun weapon": "413 471 657 744 763-764",
    "hat cap": "433 439 452 515 518 560 667 715 793 808",
    "hen chicken rooster": "7-8", "horse": "339 603", "hound": "160-177", "house building home": "410 425 442 448-449 "
    "483 497-498 500 580 624 634 649 660 663 668 698 727 743 832 853 865 915",
    "instrument": "401-402 420 432 486 494 513 541 546 558 566 577 579 593-594 641-642 683-684 687 699 776 822 875 881 "
    "889",
    "knife blade": "499 623", "lamp light": "470 607 818 846 862 920", "lemur": "383-384", "lizard": "38-48",
    "monkey primate": "365-384", "mushroom fungus": "947 991-997", "owl": "24", "parrot": "87-90", "penguin": "145",
    "people person human man woman": "981-983", "phone telephone": "487 528 707", "pig": "341-343", "pan": "567 909",
    "rabbit bunny": "330-332", "rat mouse rodent": "333-338", "reptile": "33-68", "seal": "150", "shark": "2-4",
    "shoe footwear": "502 514 630 770 774", "shop store market": "415 424 454 467 509 582 762 788 860 865",
    "snake": "52-68", "spider": "72-77", "squirrel": "335 382", "tool": "462 473 512 587 596 740 783-784 792 813",
    "train": "466 547 565 705 820 829", "truck lorry": "555 569 586 675 717 734 864 867", "turtle tortoise": "33-37",
    "vegetable": "936-947", "vehicle": "403-408 427-428 436 444 450 466 468 472 484 510-511 537 547 554-555 561 565 "
    "569 573 575-576 586 603 609 612 625 627-628 654 656 660-661 665 670-671 675 690 705 717 734 751 757 779-780 "
    "802-803 812 814 817 820 829 833 847 864 866-867 870-871 874 880 895 914",
    "water drink beverage": "966-969", "whale": "147-148", "wolf": "269-271",
}  # fmt: skip


def groups_of(labels: Sequence[str]) -> dict[str, list[int]]:
    """Return words that stand for several classes each, where the labels are ImageNet's; else nothing.

    Examples:
        >>> from gradlab.core.search import groups_of
        >>> groups_of(["cat", "dog"])
        {}
    """
    ends = {0: "tench", 281: "tabby", 999: "toilet tissue"}
    if len(labels) != 1000 or not all(labels[c].lower().startswith(name) for c, name in ends.items()):
        return {}
    return {word: _classes(ranges) for words, ranges in _IMAGENET.items() for word in words.split()}


def _classes(ranges: str) -> list[int]:
    found: list[int] = []
    for each in ranges.split():
        low, _, high = each.partition("-")
        found += range(int(low), int(high or low) + 1)
    return found


def fit(label: str, typed: str, grouped: bool) -> int:
    """Return how well a label fits what was typed, the smaller the better; 6: not at all.

    0: it is the label. 1: words of it. 2: a word for what it is, such as "dog". 3: the label begins with it. 4: each
    word typed begins one of the label. 5: it stands inside.

    Args:
        label: of a class.
        typed: in lower case, without space around it.
        grouped: the class is one of those that the word typed stands for.

    Examples:
        >>> from gradlab.core.search import fit
        >>> [fit(each, "cat", False) for each in ("cat", "tiger cat", "catamaran", "sea catfish", "scatter", "dog")]
        [0, 1, 3, 4, 5, 6]
    """
    low = label.lower()
    if low == typed:
        return 0
    plain, wanted = _words(low), _words(typed)
    if wanted.strip() and wanted in plain:
        return 1
    if grouped:
        return 2
    if low.startswith(typed):
        return 3
    if wanted.strip() and all(f" {word}" in plain for word in wanted.split()):
        return 4
    return 5 if typed in low else 6


def _words(text: str) -> str:
    """Return the words with one space before and after each: other signs stand between words."""
    apart = re.sub(r"[\W_]+", " ", text)
    return f" {apart} "


def search(typed: str, labels: Sequence[str], groups: Mapping[str, Sequence[int]]) -> list[int]:
    """Return the classes that a word finds, the best first; of equally good ones in the labels' order.

    Examples:
        >>> from gradlab.core.search import search
        >>> search("cat", ["crate", "tabby", "catamaran", "tiger cat"], {"cat": [1, 3]})
        [3, 1, 2]
    """
    wanted = typed.strip().lower()
    inside = set(groups.get(wanted, ()))
    fits = [(fit(label, wanted, c in inside), c) for c, label in enumerate(labels)]
    return [c for how, c in sorted(fits) if how < 6]
