"""What every widget shares: its front end from plain files, a saved page, and a picture where no widget can run."""

from __future__ import annotations

import base64
import html
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from anywidget._file_contents import VirtualFileContents

from gradlab.core.checks import checked_path
from gradlab.core.errors import GradlabError, InputError
from gradlab.explain.display import html_image
from gradlab.widgets.linker import EXPORT, FRONT, followed, front_end, linked

__all__ = ["PICTURE_LIMIT", "SavingError", "Widget", "page", "style"]

PICTURE_LIMIT = 80_000  # bytes: a notebook with twenty of them still opens quickly
SHARED_SHEETS = ("base.css", "layout.css", "chart.css")


class SavingError(GradlabError):
    """A page cannot be written where it should go."""


def _part(name: str) -> str:
    return next(FRONT.glob(f"*/{name}")).read_text(encoding="utf-8")


def style(part: str) -> str | VirtualFileContents:
    """Return the shared style sheets, the same for every widget, and after them a widget's own.

    A notebook's page applies each widget's sheets to all of them: each sheet is nested under its root's classes.
    """
    return followed(lambda: "\n".join(_part(each) for each in (*SHARED_SHEETS, part)))


class Widget(anywidget.AnyWidget):
    """A widget that also speaks as a sentence, as a picture and as a page of its own.

    A widget gives ``_sentence``, ``_short`` and ``_picture``, and the name of its front end:
    ``class Name(Widget, front="name")`` takes ``front/widgets/name.js`` and ``name.css``.
    """

    def __init_subclass__(cls, *, front: str | None = None, **kwargs: Any) -> None:
        if front is not None:
            cls._esm, cls._css = front_end(front), style(f"{front}.css")
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **state: Any) -> None:
        try:
            super().__init__(*args, **state)
        except (traitlets.TraitError, TypeError) as error:  # of what is no state of this widget
            raise InputError(f"This is no state of {type(self).__name__}: {error}") from error

    def _sentence(self) -> str:
        """Return one sentence with the numbers shown: read where nothing can be drawn."""
        return self._short()

    def _short(self) -> str:
        """Return the sentence without detail: the repr."""
        return type(self).__name__

    def _picture(self) -> bytes | None:
        """Return a picture of at most ``PICTURE_LIMIT`` bytes, or None."""
        return None

    def __repr__(self) -> str:
        """Return the short sentence; it holds no address, so that a notebook's output is the same each time."""
        return f"{type(self).__name__}: {self._short()}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the live view, and a sentence for those who cannot show it."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata

    def _still(self) -> dict[str, Any]:
        """Return the picture and the sentence, as an output of their own."""
        sentence, picture = self._sentence(), self._picture()
        seen = "" if picture is None else html_image(picture, sentence)
        return {"text/html": STILL.format(picture=seen), "text/plain": sentence}

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the still picture and the live view, which takes its place where there is a kernel.

        Of one output with both, JupyterLab shows "Error displaying widget" when a notebook is opened again.
        """
        from IPython.display import display

        display(self._still(), raw=True)  # type: ignore[no-untyped-call]
        bundle = self._repr_mimebundle_(**kwargs)
        if bundle is not None:
            display(bundle[0], metadata=bundle[1], raw=True)  # type: ignore[no-untyped-call]

    def save_html(self, path: str | Path) -> Path:
        """Write the widget as one page that needs neither a kernel nor a network, and return its path.

        The page holds the front end, the style and the present state; everything works but asking for another
        picture. The file appears complete or not at all.

        Raises:
            SavingError: the path is a folder, its folder does not exist, or it cannot be written.
        """
        target = checked_path(path, "path", SavingError)
        if target.is_dir():
            raise SavingError(f"{str(target)!r} is a folder: give the name of a file, such as 'paradigms.html'.")
        if not target.parent.is_dir():
            raise SavingError(f"There is no folder {str(target.parent)!r}: make it first.")
        text = page(self._short(), str(self._esm), str(self._css), self._own_state())
        try:
            _write_whole(target, text)
        except OSError as error:
            raise SavingError(f"{str(target)!r} cannot be written: {error.strerror}.") from error
        return target

    def _own_state(self) -> dict[str, Any]:
        """Return the traits that this class adds to anywidget's."""
        shared = set(anywidget.AnyWidget().trait_names()) | {"_esm", "_css", "_anywidget_id"}
        return {name: getattr(self, name) for name in self.keys if name not in shared}


def page(title: str, module: str, sheet: str, state: Mapping[str, Any]) -> str:
    """Return an HTML page with the module, its style and its state inside; bytes in the state become base64."""
    front = module.replace(EXPORT, "")
    return PAGE.format(
        title=html.escape(title),
        style=(_part("saved.css") + sheet).replace("</", r"<\/"),
        # "<" is escaped so that no label can end the script element
        state=json.dumps(_plain(state), separators=(",", ":")).replace("<", r"\u003c"),
        front=front.replace("</script", r"<\/script").replace("<!--", r"<\!--"),
        model=linked("lib/saved.js"),
    )


# It makes way for the live view, in Jupyter, VS Code and Colab; and what Jupyter says in the place of one is not shown.
STILL = """<div class="gl-still">{picture}<p>A still picture: run this cell for the live one.</p><style>
:is(.jp-OutputArea, .cell_container, #output-area):has(.gl-root) :is(.gl-still, .jp-OutputArea-child:has(.gl-still)),
.jp-OutputArea:has(.gl-still) .jupyter-widgets:not(:has(*)) {{ display: none; }}
</style></div>"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body class="gl-standalone">
<main>
<h1>{title}</h1>
<div id="gradlab"></div>
</main>
<script type="application/json" id="gradlab-state">{state}</script>
<script type="module">
{front}
{model}
const gradlabModel = window.gradlabModel = glSavedModel();
render({{ model: gradlabModel, el: document.getElementById("gradlab") }});
// what the page is about; its title says what was seen when it was saved, and the reader may change that
document.querySelector("h1").textContent = document.querySelector(".gl-root").getAttribute("aria-label");
</script>
</body>
</html>
"""


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _write_whole(target: Path, text: str) -> None:
    # written beside its place and then moved there: a reader never meets half a page
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # mkstemp's files are private; this one is meant to be passed on
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
