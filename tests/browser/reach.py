"""What is measured of a widget's page in the browser: sizes, names, and the contrast of words, in drawings as well."""

from __future__ import annotations

from tests.front import packages

# what axe finds in one part of a page; experimental rules and those of WCAG 2.2 are off until they are asked for
AXE = """async (place) => {
  const rules = { "target-size": { enabled: true }, "label-content-name-mismatch": { enabled: true } };
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const options = { runOnly: { type: "tag", values }, rules, resultTypes: ["violations"] };
  const found = await axe.run({ include: [[place]] }, options);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 90)).join("; ")}`);
}"""

# controls smaller than 24 pixels either way; the field behind "open a file" is not seen, its button is
SMALL = """() => [...document.querySelectorAll("button, input, select, [tabindex], [role=option]")]
  .filter((node) => !node.matches(".gl-hidden"))
  .map((node) => [node, node.getBoundingClientRect()])
  .filter(([, { width, height }]) => width > 0 && (width < 24 || height < 24))
  .map(([node, { width, height }]) => `${node.outerHTML.slice(0, 80)}: ${width} x ${height}`)"""

# names that do not begin with the words seen on what they name, and how many begin so
NAMES = """() => {
  const plain = (text) => text.toLowerCase().replace(/[^\\p{L}\\p{N}]+/gu, " ").trim();
  const both = [...document.querySelectorAll("button[aria-label], a[aria-label], label [aria-label]")]
    .map((node) => [plain(node.getAttribute("aria-label")), plain((node.closest("label") || node).innerText)])
    .filter(([, seen]) => seen);
  const wrong = both.filter(([name, seen]) => !name.startsWith(seen));
  return { wrong, right: both.length - wrong.length };
}"""

# what sticks out of the page
WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement, out = [];
  for (const node of document.querySelectorAll(".gl-root *")) {
    const inside = node.closest(".gl-film, svg") !== null && node.tagName !== "svg";  // the film scrolls by itself
    if (!inside && node.getBoundingClientRect().right > clientWidth + 0.5) out.push(node.outerHTML.slice(0, 80));
  }
  return scrollWidth > clientWidth ? [`${scrollWidth} of ${clientWidth}`, ...out] : out;
}"""

# words in drawings against what is painted below them: [how many, those under the ratio that they need]
DRAWN = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => a * value + (1 - a) * below[i]);
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ink = (style, kind) => {
    const [r, g, b, a] = rgba(style[kind]);
    return [r, g, b, a * Number(style.opacity) * Number(style[`${kind}Opacity`] ?? 1)];
  };
  const ground = (node) => {
    const { x, y, width, height } = node.getBoundingClientRect(), layers = [];
    for (const below of document.elementsFromPoint(x + width / 2, y + height / 2)) {
      const style = getComputedStyle(below), word = below.tagName === "text";
      if (below instanceof SVGElement ? !word && below.tagName !== "svg" && style.fill !== "none" : true) {
        layers.push(ink(style, below instanceof SVGElement ? "fill" : "backgroundColor"));
      }
    }
    return layers.reverse().reduce((colour, layer) => over(layer, colour), [1, 1, 1]);
  };
  const words = [...document.querySelectorAll(".gl-chart text, .gl-over-plane text")];
  const low = words.flatMap((node) => {
    const style = getComputedStyle(node), halo = style.paintOrder.startsWith("stroke") && style.stroke !== "none";
    const pale = node.matches(".gl-mark-of:not(.gl-own)");  // a mark of data, among others, on the paper
    const paper = getComputedStyle(node.closest(".gl-root")).backgroundColor;
    const below = halo ? rgba(style.stroke).slice(0, 3) : pale ? rgba(paper).slice(0, 3) : ground(node);
    const above = over(ink(style, "fill"), below);
    const [dark, bright] = [light(below), light(above)].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    return ratio < (pale ? 3 : 4.5) ? [`${node.textContent}: ${ratio.toFixed(2)} ${node.getAttribute("class")}`] : [];
  });
  return [words.length, [...new Set(low)]];
}"""


def axe() -> str:
    """Return axe's own text, to be evaluated in a page; the test is skipped where it cannot be had."""
    return (packages.installed() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
