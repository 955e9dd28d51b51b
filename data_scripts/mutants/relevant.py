"""Which tests may notice a change to a file: the quick ones first."""

from __future__ import annotations

import functools
import re
from fnmatch import fnmatch
from pathlib import Path

from data_scripts.files import ROOT

__all__ = ["FRONT", "TESTS", "commands", "files"]

FRONT = "gradlab/widgets/front/"
ROOMS = ("core", "explain", "information", "introspect", "evaluate", "data", "models", "course", "widgets")

# patterns of gradlab's files, and of the tests that are about them; every row that fits counts, the first one first
TESTS: list[tuple[str, str]] = [
    ("core/*", "unit/test_core*.py reference/test_core*.py"),
    ("core/last_layer.py", "unit/test_introspect.py reference/test_introspect.py"),
    ("core/per_sample.py", "reference/test_information.py unit/test_information.py unit/test_per_sample*.py"),
    ("core/alphas.py", "reference/test_cams.py"),
    ("core/contrasts.py", "reference/test_introspect.py unit/test_introspect.py reference/test_cams.py"),
    ("core/rules.py", "reference/test_gradients.py"),
    ("core/seeds.py", "unit/test_seeds.py"),
    ("core/checks.py", "unit/test_seeds.py"),
    ("core/progress.py", "unit/test_seeds.py"),
    ("core/*", "reference/test_cams.py reference/test_gradients.py reference/test_introspect.py"),
    ("core/*", "reference/test_information.py contract/test_extra_inputs.py contract/test_state.py"),
    ("core/*", "contract/test_*.py"),
    ("explain/cam.py", "reference/test_cams.py"),
    ("explain/gradients.py", "reference/test_gradients.py parity/test_gradients.py"),
    ("explain/question.py", "reference/test_cams.py reference/test_gradients.py"),
    ("explain/score.py", "reference/test_cams.py reference/test_gradients.py"),
    ("explain/display.py", "unit/test_display*.py reference/test_cams.py unit/test_course_show.py"),
    ("explain/occlusion/*", "unit/test_occlusion.py reference/test_occlusion.py parity/test_occlusion.py"),
    ("explain/faithfulness/*", "reference/test_faithfulness.py"),
    ("explain/*", "unit/test_explain*.py parity/test_peers.py"),
    ("information/*", "unit/test_information.py reference/test_information.py"),
    ("introspect/weight_gradients.py", "unit/test_introspect.py reference/test_introspect.py"),
    ("introspect/stream.py", "unit/test_introspect_stream.py"),
    ("introspect/*", "unit/test_introspect.py unit/test_introspect_*.py reference/test_introspect.py"),
    ("evaluate/calibration.py", "unit/test_introspect_calibration.py unit/test_calibration*.py"),
    ("evaluate/calibration.py", "parity/test_calibration.py"),
    ("evaluate/statistics.py", "unit/test_statistics.py"),
    ("evaluate/active/*", "unit/test_active.py unit/test_active_*.py"),
    ("evaluate/ood/*", "unit/test_ood.py parity/test_ood.py"),
    ("evaluate/quality/*", "unit/test_quality.py"),
    ("evaluate/*", "unit/test_evaluate*.py unit/test_introspect_calibration.py unit/test_active.py unit/test_ood.py"),
    ("data/challenges.py", "unit/test_challenges.py unit/test_corruptions.py"),
    ("data/corruptions.py", "unit/test_corruptions.py unit/test_challenges.py"),
    ("data/filters.py", "unit/test_corruptions.py unit/test_challenges.py"),
    ("data/levels.py", "unit/test_corruptions.py unit/test_challenges.py"),
    ("data/digits.py", "unit/test_digits.py"),
    ("data/signs/*", "unit/test_signs.py"),
    ("data/strange.py", "unit/test_strange.py"),
    ("data/*", "unit/test_data*.py unit/test_pictures*.py unit/test_models_and_data.py unit/test_digits.py"),
    ("models/small.py", "unit/test_small.py unit/test_shipped.py"),
    ("models/tasks.py", "unit/test_tasks.py"),
    ("models/shipped.py", "unit/test_shipped.py unit/test_tasks.py"),
    ("models/*", "unit/test_models*.py unit/test_small.py unit/test_tasks.py"),
    ("course/*", "unit/test_course*.py unit/test_experiments*.py"),
    ("widgets/active.py", "unit/test_downstream_widgets.py"),
    ("widgets/labelling.py", "unit/test_downstream_widgets.py"),
    ("widgets/ood.py", "unit/test_downstream_widgets.py"),
    ("widgets/calibration.py", "unit/test_introspect_widgets.py"),
    ("widgets/introspect.py", "unit/test_introspect_widgets.py"),
    ("widgets/panels.py", "unit/test_introspect_widgets.py"),
    ("widgets/challenges.py", "unit/test_challenges_widget.py"),
    ("widgets/strip.py", "unit/test_challenges_widget.py"),
    ("widgets/entropy.py", "unit/test_information_widgets.py"),
    ("widgets/mutual.py", "unit/test_information_widgets.py"),
    ("widgets/fisher.py", "unit/test_information_widgets.py"),
    ("widgets/manifold.py", "unit/test_information_widgets.py"),
    ("widgets/gradients.py", "unit/test_gradients_widget.py"),
    ("widgets/occlusion.py", "unit/test_occlusion_widget.py"),
    ("widgets/wire.py", "unit/test_wire.py"),
    ("widgets/linker.py", "unit/test_front.py unit/test_styles.py"),
    ("widgets/*", "unit/test_widgets*.py unit/test_extra_inputs_widgets.py unit/test_information_widgets.py"),
    ("*", "unit/test_refusals*.py unit/test_fuzz*.py"),
]  # fmt: skip
BROWSER = {  # what looks at a widget with a kernel behind it, where the saved page has shown nothing
    "paradigms": "paradigms", "occlusion": "occlusion", "gradients": "gradients", "challenges": "challenges",
    "introspect": "introspect", "calibration": "introspect", "ood": "downstream", "active": "downstream",
    "entropy": "information", "mutual": "information", "fisher": "information", "manifold": "information",
}  # fmt: skip
IMPORT = re.compile(r'from "([^"]+)"')


def files(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the files that are changed, by room."""
    found: dict[str, list[str]] = {}
    for room in ROOMS:
        paths = sorted((root / "gradlab" / room).rglob("*.py"))
        found[room] = [each.relative_to(root).as_posix() for each in paths if each.name != "__init__.py"]
    for part in ("lib", "widgets"):
        paths = sorted((root / FRONT / part).glob("*.js"))
        found[f"front/{part}"] = [each.relative_to(root).as_posix() for each in paths]
    return found


def tests_of(name: str, root: Path = ROOT) -> list[str]:
    """Return the test files that may notice a change to a Python file, the first to be run first."""
    patterns = [row for of, row in TESTS if fnmatch(name.removeprefix("gradlab/"), of)]
    found = [each for row in patterns for one in row.split() for each in sorted((root / "tests").glob(one))]
    return list(dict.fromkeys(each.relative_to(root).as_posix() for each in found))


@functools.cache
def reached(path: Path) -> frozenset[Path]:
    """Return what a JavaScript file imports, and what those import."""
    near = {(path.parent / name).resolve() for name in IMPORT.findall(path.read_text(encoding="utf-8"))}
    near = {each for each in near if each.suffix == ".js" and each.is_file()}
    return frozenset(near.union(*map(reached, near)))


def _saved(root: Path) -> list[str]:
    return [each.relative_to(root).as_posix() for each in sorted((root / "tests/browser").glob("test_saved_*.py"))]


def commands(name: str, root: Path = ROOT) -> list[list[str]]:
    """Return the commands that may notice a change to a file, the first to be run first; a failure is a notice."""
    pytest = ["{python}", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line"]
    if not name.startswith(FRONT):
        room = name.split("/")[1]
        return [
            [*pytest, *tests_of(name, root)],
            [*pytest, "tests/unit/test_keywords.py", "-k", f"something and {room}"],
        ]
    path = root / name
    units = [each for each in sorted((root / "tests/front").glob("*.test.js")) if path in reached(each)]
    shown = [each for each in sorted((root / FRONT / "widgets").glob("*.js")) if path in reached(each) | {each}]
    kinds = [each.stem for each in shown] or list(BROWSER)  # lib/saved.js belongs to every saved page
    found = [["node", "--test", *(each.relative_to(root).as_posix() for each in units)]] if units else []
    found.append([*pytest, *_saved(root), "-k", " or ".join(kinds)])
    with_kernel = sorted({f"tests/browser/test_{BROWSER[each]}.py" for each in kinds})
    return [*found, *([*pytest, each] for each in with_kernel)] if len(kinds) <= 4 else found
