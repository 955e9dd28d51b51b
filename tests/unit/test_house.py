"""The house rules: who may import whom, what importing gradlab costs, and what every public name carries."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gradlab"

ENGINE = {"explain", "information", "introspect"}
EVERY_ROOM = {"core", *ENGINE, "evaluate", "models", "data", "widgets", "course", "cli"}

# room -> the other rooms it may import; every room may import itself
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    **{room: {"core"} for room in ENGINE},
    "evaluate": {"core", *ENGINE},
    "models": {"core", "data"},  # a network names the classes of its world
    "data": {"core"},
    "course": {"core", *ENGINE, "evaluate", "models", "data"},
    "widgets": EVERY_ROOM - {"cli"},
    "cli": EVERY_ROOM,
    "__init__": EVERY_ROOM,
    "__main__": {"cli"},
}

# Only what is shown on a screen may load what draws on one.
SCREEN_ROOMS = {"widgets", "course", "cli"}
SCREEN_LIBRARIES = ("ipywidgets", "anywidget", "matplotlib.pyplot", "IPython")

TEXT_SUFFIXES = {
    "",
    ".cfg",
    ".css",
    ".html",
    ".ipynb",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yml",
}
# written in two halves, so that this file does not hold what it looks for
REGISTRY_HOSTS = tuple(
    left + right
    for left, right in [
        ("pypi", ".org"),
        ("files.pytho", "nhosted.org"),
        ("registry.npm", "js.org"),
        ("repo.anaco", "nda.com"),
        ("conda.anaco", "nda.org"),
        ("proxy.gol", "ang.org"),
        ("crate", "s.io"),
    ]
)
WHEEL_INDEX = "download.pytor" + "ch.org"


def source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(source: str, package: str) -> Iterator[str]:
    """Yield the full dotted name of everything imported anywhere in a file, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return set(imported_names(path.read_text(encoding="utf-8"), package))


def wrong_rooms(room: str, names: set[str]) -> set[str]:
    allowed = {room, *MAY_IMPORT[room]}
    wrong = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != "gradlab":
            continue
        # `import gradlab` alone is the lazy face: it opens every room at once
        if len(parts) == 1 or (parts[1] in EVERY_ROOM and parts[1] not in allowed):
            wrong.add(name)
    return wrong


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards_only(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} is a new room: give it a line in MAY_IMPORT"
    names = imports_of(path)
    if room in {"widgets", "course", "cli", "__init__", "__main__"}:
        names.discard("gradlab")
    assert not wrong_rooms(room, names)


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_screen_rooms_load_screen_libraries(path: Path) -> None:
    if room_of(path) in SCREEN_ROOMS:
        pytest.skip("this room is shown on a screen")
    drawn = {name for name in imports_of(path) if f"{name}.".startswith(tuple(f"{s}." for s in SCREEN_LIBRARIES))}
    assert not drawn


# What touches a network: hooks, copies, flags, guards. Only core may.
TOUCHES = {
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook", "register_module_forward_hook",
    "deepcopy", "borrowed", "functional_call", "_set_grad_enabled",
}  # fmt: skip


def touched(source: str) -> set[str]:
    """Return the names by which a file touches a network."""
    names = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return names & TOUCHES


OWN = {"explain/cam.py": {"_set_grad_enabled"}}  # of its own algebra, inside core's guard


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_core_touches_a_network(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    if not name.startswith("core/"):
        assert touched(path.read_text(encoding="utf-8")) <= OWN.get(name, set())


def test_the_touching_is_seen() -> None:
    assert touched("import copy\ncopy.deepcopy(m)\nm.fc.register_forward_hook(f)") == {
        "deepcopy",
        "register_forward_hook",
    }


def test_modules_import_in_no_circle() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source_files()
    }
    # inside functions an import is late, and no circle: only what a module loads when it is loaded counts
    loads: dict[str, set[str]] = {}
    for name, path in modules.items():
        top = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in top for alias in node.names}
        # of a package, what is taken from it is loaded: a module of its own, or the package itself
        loads[name] = {n if n in modules else n.rpartition(".")[0] for n in names} & modules.keys() - {name}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in loads[name]:
                visit(other, (*way, name))
            done.add(name)

    for name in modules:
        visit(name, ())


def test_the_import_test_sees_every_spelling() -> None:
    source = """
import gradlab.widgets.widget
from gradlab import models as m
from ..explain.cam import grad_cam
from . import state
def late():
    from gradlab.data import picture
"""
    names = set(imported_names(source, "gradlab.core"))
    assert wrong_rooms("core", names) == {
        "gradlab.widgets.widget",
        "gradlab.models",
        "gradlab.explain.cam.grad_cam",
        "gradlab.data.picture",
    }


def test_importing_gradlab_is_cheap() -> None:
    code = "import json, sys; old = {*sys.modules}; import gradlab; print(json.dumps([*{*sys.modules} - old]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = json.loads(done.stdout)
    heavy = {
        "torch",
        "torchvision",
        "matplotlib",
        "numpy",
        "timm",
        "ipywidgets",
        "anywidget",
        "skimage",
        "sklearn",
    }
    assert not heavy.intersection(loaded)
    assert len(loaded) < 60, loaded


def project_files() -> list[Path]:
    """Return what git tracks or would track; outside a checkout, every file that is not hidden or built."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
        names = [name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [str(p) for p in found if not any(part.startswith(".") or part == "build" for part in p.parts)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_file_holds_a_package_registry_address() -> None:
    found = []
    for path in project_files():
        if path.suffix not in TEXT_SUFFIXES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(ROOT).as_posix()
        hosts = REGISTRY_HOSTS if name == "binder/requirements.txt" else (*REGISTRY_HOSTS, WHEEL_INDEX)
        found += [(name, host) for host in hosts if host in text]
    assert not found


def public_rooms() -> list[str]:
    """Return the sub-packages a user calls; widgets are left out: their traits are not signatures."""
    rooms = ("core", *sorted(ENGINE), "evaluate", "models", "data", "course")
    return [room for room in rooms if (PACKAGE / room / "__init__.py").exists()]


def public_modules(room: str) -> Iterator[ModuleType]:
    package = importlib.import_module(f"gradlab.{room}")
    yield package
    for info in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield importlib.import_module(info.name)


def own_public_objects(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        if value.__module__ == module.__name__:
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                yield from own_public_methods(f"{module.__name__}.{name}", value)


def own_public_methods(name: str, cls: type) -> Iterator[tuple[str, object]]:
    for attribute, value in vars(cls).items():
        plain = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not attribute.startswith("_") and inspect.isfunction(plain) and plain.__module__ == cls.__module__:
            yield f"{name}.{attribute}", plain


def missing_annotations(function: object) -> list[str]:
    if not inspect.isfunction(function):
        return []
    signature = inspect.signature(function)
    bare = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty and parameter.name not in {"self", "cls"}
    ]
    return bare + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("room", public_rooms())
def test_every_public_name_is_documented_and_typed(room: str) -> None:
    faults = []
    for module in public_modules(room):
        if not inspect.getdoc(module):
            faults.append(f"{module.__name__}: no docstring")
        for name, value in own_public_objects(module):
            if not (getattr(value, "__doc__", None) or "").strip():
                faults.append(f"{name}: no docstring")
            faults += [f"{name}: no annotation for {bare}" for bare in missing_annotations(value)]
    assert not faults, "\n".join(faults)


def names_bound(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """Return the public names that a module defines, and those that it imports from gradlab."""
    defined, imported = set(), set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gradlab":
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.If):  # TYPE_CHECKING, in packages that load late
            imported |= names_bound(node.body)[1]
    return {name for name in defined if name[0] != "_"}, {name for name in imported if name[0] != "_"}


@pytest.mark.parametrize("room", public_rooms())
def test_every_module_names_what_is_public(room: str) -> None:
    """``__all__`` is what a module defines, or of a package what it brings together; constants may be left out."""
    wrong = {}
    for module in public_modules(room):
        assert module.__file__
        defined, imported = names_bound(ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body)
        named = list(getattr(module, "__all__", ()))
        differ = {name for name in set(named) ^ (defined or imported) if not (name.isupper() and name in defined)}
        if differ or len(named) != len(set(named)) or not all(hasattr(module, name) for name in named):
            wrong[module.__name__] = sorted(differ)
    assert not wrong


def room_functions() -> Iterator[tuple[str, Any]]:
    """Yield what a room's package offers, by name."""
    for room in public_rooms():
        package = importlib.import_module(f"gradlab.{room}")
        found = ((name, getattr(package, name)) for name in package.__all__)
        yield from ((f"{room}.{name}", value) for name, value in found if inspect.isfunction(value))


@pytest.mark.parametrize(
    ("name", "function"), room_functions(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_options_are_given_by_keyword_and_have_one_name(name: str, function: Any) -> None:
    parameters = inspect.signature(function).parameters
    by_place = [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert not {"layer", "extra_inputs", "progress"} & {*by_place} and len(by_place) <= 4
    assert not {"generator", "rng", "random_state", "normalise", "cover", "opened"} & parameters.keys()
    if "model" in parameters:
        assert parameters["model"].annotation == "Model" or name in {"core.copy_of"}


# what makes a tensor on the default device, unless it is told where; the first ones in the default dtype as well
IN_DEFAULT_DTYPE = {"empty", "eye", "full", "linspace", "logspace", "normal", "ones", "rand", "randn", "zeros"}
ON_DEFAULT_DEVICE = IN_DEFAULT_DTYPE | {
    "arange", "as_tensor", "asarray", "frombuffer", "randint", "randperm", "scalar_tensor", "tensor", "tril_indices",
    "triu_indices",
}  # fmt: skip


def left_to_the_caller(tree: ast.AST) -> Iterator[str]:
    """Where a tensor is made without saying on which device and, of some, in which dtype."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if not isinstance(node.func.value, ast.Name) or node.func.value.id != "torch":
            continue
        name, given = node.func.attr, {each.arg for each in node.keywords}
        wanted = {"device"} if name in ON_DEFAULT_DEVICE else set()
        wanted |= {"dtype"} if name in IN_DEFAULT_DTYPE else set()
        if None not in given and wanted - given:  # None: **options
            yield f"line {node.lineno}: torch.{name} without {', '.join(sorted(wanted - given))}"


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_tensor_is_left_to_the_callers_default_device_or_dtype(path: Path) -> None:
    assert not list(left_to_the_caller(ast.parse(path.read_text(encoding="utf-8"))))


def test_what_is_left_to_the_caller_is_seen() -> None:
    def seen(line: str) -> list[str]:
        return list(left_to_the_caller(ast.parse(line)))

    assert seen("torch.zeros(3)") == ["line 1: torch.zeros without device, dtype"]
    assert seen("torch.zeros(3, dtype=x.dtype)") == ["line 1: torch.zeros without device"]
    assert seen("torch.arange(3)") == ["line 1: torch.arange without device"]
    assert not seen("torch.arange(3, device='cpu'); torch.zeros(3, **SINGLE); torch.zeros_like(x); x.new_zeros(3)")
