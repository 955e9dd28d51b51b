// The strip: one small picture per challenge with what is said of it, and p of the reference class over the levels.

import { glDecodePicture } from "./answer.js";
import { glLine, glScale, glSvg } from "./chart.js";
import { glHeat } from "./colour.js";
import { glNode } from "./dom.js";
import { glProbability, glSoftmax, glTop } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

export const GL_LEVELS = 5;

// Place among the tiles that the kernel sent: k counts the challenges, -1 is the clean picture.
export function glTileAt(k, level) {
  return k < 0 || level === 0 ? 0 : 1 + GL_LEVELS * k + level - 1;
}

// p, said and confidence of each tile; the sheet becomes a picture the browser can draw from.
export async function glDecodeTiles(answer) {
  const z = glUnpacked(answer.logits), maps = glUnpacked(answer.maps), [count, h, w] = maps.shape;
  const a = glDecodePicture(answer, glPart(z, 0));
  const reference = answer.label === null ? a.order[0] : answer.label;
  const tiles = Array.from({ length: count }, (_, i) => {
    const p = glSoftmax(glPart(z, i));
    const said = p.reduce((best, value, c) => (value > p[best] ? c : best), 0);
    const map = glPart(maps, i);
    return { p, said, right: said === reference, map, top: glTop(map, false) };
  });
  const sheet = await createImageBitmap(new Blob([answer.sheet], { type: "image/png" }));
  return {
    ...a, h, w, tiles, sheet, tile: [sheet.width, sheet.height / count], reference, known: answer.label !== null,
    challenges: answer.challenges,
  };
}

// Values over the levels 0 to 5 as a line, each level a dot where the answer is right and a cross where it is not.
export function glOverLevels(values, right, x, y, props) {
  const points = values.map((value, level) => [x(level), y(value)]);
  return [glLine(points, props), points.map(([left, top], level) => (right[level]
    ? glSvg("circle", { class: "gl-dot", cx: left, cy: top, r: 2.5 })
    : glSvg("path", { class: "gl-cross", d: `M${left - 3} ${top - 3}l6 6m0 -6l-6 6` })))];
}

export function glTile(k, name, press) {
  const canvas = glNode("canvas", { "aria-hidden": "true" });
  const said = glNode("span", { class: "gl-tile-label" });
  const mark = glNode("span", { class: "gl-mark", "aria-hidden": "true" });
  const chance = glNode("span", { class: "gl-number" });
  const spark = glSvg("svg", { class: "gl-spark", viewBox: "0 0 120 34", "aria-hidden": "true" });
  const node = glNode("button",
    { type: "button", class: "gl-tile", "data-challenge": name, tabindex: k < 0 ? 0 : -1, onclick: press },
    canvas, glNode("span", { class: "gl-tile-name" }, name),
    glNode("span", { class: "gl-tile-said" }, mark, said, chance), spark);
  const x = glScale([0, GL_LEVELS], [8, 112]), y = glScale([0, 1], [29, 5]);
  return {
    node,
    draw(a, labels, level, maps, pressed) {
      const i = glTileAt(k, level), tile = a.tiles[i];
      glPaintTile(canvas, a, i, maps);
      said.textContent = labels[tile.said];
      said.title = labels[tile.said];
      mark.textContent = tile.right ? "✓" : "✗";
      chance.textContent = glProbability(tile.p[tile.said]);
      node.dataset.right = String(tile.right);
      node.setAttribute("aria-pressed", String(pressed));
      node.setAttribute("aria-label", glTileText(a, labels, k, name, level));
      if (k < 0) { spark.replaceChildren(); return; }
      const at = Array.from({ length: GL_LEVELS + 1 }, (_, each) => a.tiles[glTileAt(k, each)]);
      spark.replaceChildren(
        glSvg("line", { class: "gl-rule", x1: 8, x2: 112, y1: y(0), y2: y(0) }),
        glSvg("line", { class: "gl-now", x1: x(level), x2: x(level), y1: 1, y2: 33 }),
        ...glOverLevels(at.map((each) => each.p[a.reference]), at.map((each) => each.right), x, y,
          { class: "gl-line-p" }).flat());
    },
  };
}

// What a tile shows, in words.
export function glTileText(a, labels, k, name, level) {
  const { p, said, right } = a.tiles[glTileAt(k, level)];
  const verdict = a.known ? (right ? "right" : "wrong") : (right ? "as for the clean picture" : "changed");
  return `${name}${k < 0 ? "" : `, level ${level}`}: ${labels[said]} with ${glProbability(p[said])}, ${verdict}`;
}

function glPaintTile(canvas, a, i, maps) {
  const [width, height] = a.tile, times = Math.max(width, height) <= 64 ? 4 : 2;
  canvas.width = times * width;
  canvas.height = times * height;
  const context = canvas.getContext("2d"), { map, top } = a.tiles[i];
  context.imageSmoothingEnabled = times < 4;  // a small sign keeps its pixels
  context.drawImage(a.sheet, 0, i * height, width, height, 0, 0, canvas.width, canvas.height);
  if (!maps || !(top > 0)) return;
  context.imageSmoothingEnabled = true;
  context.drawImage(glHeat(map, a, width, height, { colours: "viridis", opacity: 0.6, threshold: 0 }, top), 0, 0,
    canvas.width, canvas.height);
}
