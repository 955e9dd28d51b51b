// The strip: one small picture per challenge with what is said of it, and p of the reference class over the levels.

import { glDecodePicture } from "./answer.js";
import { glAcross, glDown, glLine, glScale, svg } from "./chart.js";
import { glHeat } from "./colour.js";
import { el, glContext } from "./dom.js";
import { glArgmax, glProbability, glSoftmax, glTop } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

export const GL_LEVELS = 5;

// Place among the tiles that the kernel sent: k counts the challenges, -1 is the clean picture.
/** @param {number} k @param {number} level */
export function glTileAt(k, level) {
  return k < 0 || level === 0 ? 0 : 1 + GL_LEVELS * k + level - 1;
}

// p, said and confidence of each tile; the sheet becomes a picture the browser can draw from.
/** @param {any} answer @returns {Promise<Tiles>} */
export async function glDecodeTiles(answer) {
  const z = glUnpacked(answer.logits), maps = glUnpacked(answer.maps), [count, h, w] = maps.shape;
  const a = glDecodePicture(answer, glPart(z, 0));
  const reference = answer.label === null ? a.order[0] : answer.label;
  const tiles = Array.from({ length: count }, (_, i) => {
    const p = glSoftmax(glPart(z, i)), said = glArgmax(p), map = glPart(maps, i);
    return { p, said, right: said === reference, map, top: glTop(map, false) };
  });
  const sheet = await createImageBitmap(new Blob([answer.sheet], { type: "image/png" }));
  return {
    ...a, h, w, tiles, sheet, tile: [sheet.width, sheet.height / count], reference, known: answer.label !== null,
    challenges: answer.challenges,
  };
}

// Values over the levels 0 to 5 as a line, each level a dot where the answer is right and a cross where it is not.
/** @param {number[]} values @param {boolean[]} right @param {Scale} x @param {Scale} y @param {Props} props */
export function glOverLevels(values, right, x, y, props) {
  const points = values.map((value, level) => [x(level), y(value)]);
  return [glLine(points, props), points.map(([left, top], level) => (right[level]
    ? svg("circle.gl-dot", { cx: left, cy: top, r: 2.5 })
    : svg("path.gl-cross", { d: `M${left - 3} ${top - 3}l6 6m0 -6l-6 6` })))];
}

/** @param {number} k @param {string} name @param {() => void} press */
export function glTile(k, name, press) {
  const canvas = el("canvas", { "aria-hidden": "true" }), said = el("span.gl-tile-label");
  const mark = el("span.gl-mark", { "aria-hidden": "true" }), chance = el("span.gl-number");
  const told = el("span.gl-hidden");
  const spark = svg("svg.gl-spark", { viewBox: "0 0 120 34", "aria-hidden": "true" });
  const node = el("button.gl-tile",
    { type: "button", "data-challenge": name, tabindex: k < 0 ? 0 : -1, onclick: press },
    canvas, el("span.gl-tile-name", name), el("span.gl-tile-said", mark, said, chance), told, spark);
  return {
    node,
    draw(a, labels, level, maps, pressed) {
      const i = glTileAt(k, level), tile = a.tiles[i];
      glPaintTile(canvas, a, i, maps);
      said.textContent = said.title = labels[tile.said];
      mark.textContent = tile.right ? "✓" : "✗";
      chance.textContent = glProbability(tile.p[tile.said]);
      node.dataset.right = String(tile.right);
      node.setAttribute("aria-pressed", String(pressed));
      told.textContent = `${glVerdict(a, k, level)}${k < 0 ? "" : `, level ${level}`}`;
      spark.replaceChildren(...(k < 0 ? [] : glSpark(a, k, level)));
    },
  };
}

// p of the reference class over the levels of challenge k.
/** @param {Tiles} a @param {number} k @param {number} level */
function glSpark(a, k, level) {
  const x = glScale([0, GL_LEVELS], [8, 112]), y = glScale([0, 1], [29, 5]);
  const at = Array.from({ length: GL_LEVELS + 1 }, (_, each) => a.tiles[glTileAt(k, each)]);
  return [
    glAcross("gl-rule", 8, 112, y(0)), glDown("gl-now", x(level), 1, 33),
    ...glOverLevels(at.map((each) => each.p[a.reference]), at.map((each) => each.right), x, y,
      { class: "gl-line-p" }).flat(),
  ];
}

/** @param {Tiles} a @param {number} k @param {number} level */
function glVerdict(a, k, level) {
  const { right } = a.tiles[glTileAt(k, level)];
  return a.known ? (right ? "right" : "wrong") : (right ? "as for the clean picture" : "changed");
}

// What a tile shows, in words.
/** @param {Tiles} a @param {string[]} labels @param {number} k @param {string} name @param {number} level */
export function glTileText(a, labels, k, name, level) {
  const { p, said } = a.tiles[glTileAt(k, level)];
  return `${name}${k < 0 ? "" : `, level ${level}`}: ${labels[said]} with ${glProbability(p[said])}, ` +
    `${glVerdict(a, k, level)}`;
}

/** @param {HTMLCanvasElement} canvas @param {Tiles} a @param {number} i @param {boolean} maps */
function glPaintTile(canvas, a, i, maps) {
  const [width, height] = a.tile, times = Math.max(width, height) <= 64 ? 4 : 2;
  canvas.width = times * width;
  canvas.height = times * height;
  const context = glContext(canvas), { map, top } = a.tiles[i];
  context.imageSmoothingEnabled = times < 4;  // a small sign keeps its pixels
  context.drawImage(a.sheet, 0, i * height, width, height, 0, 0, canvas.width, canvas.height);
  if (!maps || !(top > 0)) return;
  context.imageSmoothingEnabled = true;
  context.drawImage(glHeat(map, a, width, height, { colours: "viridis", opacity: 0.6, threshold: 0 }, top), 0, 0,
    canvas.width, canvas.height);
}
