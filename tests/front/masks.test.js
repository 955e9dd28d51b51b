// Masks, and maps from a sweep: against the engine.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { glFillBox, glMaskAsker, glMaskedPhoto } from "../../gradlab/widgets/front/lib/mask.js";
import { GlSweep } from "../../gradlab/widgets/front/lib/sweep.js";
import { close, softmax, vectors } from "./help.js";

const begun = (wanted) => {
  const [height, width] = wanted.size, { z, window, stride, rows, columns } = wanted, p = softmax(z);
  const order = [0, 1, 2].sort((a, b) => p[b] - p[a]);
  const a = { z, p, classes: 3, width, height, order };
  const facts = { serial: 1, run: 1, window, stride, rows, columns, baseline: "mean", done: 0, total: rows * columns };
  return { a, facts, sweep: new GlSweep(a, facts) };
};

test("a map is the mean over the windows that cover a pixel, unasked ones being the nearest asked", () => {
  for (const wanted of vectors.sweeps) {
    const { sweep } = begun(wanted);
    assert.equal(sweep.map(0, "logit"), null);
    sweep.take({ done: wanted.indices.length, total: 12 }, wanted.indices, Float32Array.from(wanted.drops.flat()));
    wanted.maps.forEach((map, c) => close(sweep.map(c, "logit"), map, 1e-5));
    wanted.chances.forEach((map, c) => close(sweep.map(c, "probability"), map, 1e-5));
    assert.equal(sweep.standing.startsWith("measured at 12"), wanted.exact);
  }
});

test("p with a window hidden, and what each class lost", () => {
  for (const wanted of vectors.sweeps) {
    const { sweep } = begun(wanted);
    sweep.take({ done: 1, total: 12 }, wanted.indices, Float32Array.from(wanted.drops.flat()));
    wanted.indices.forEach((w, i) => {
      close(sweep.after(w), wanted.after[i], 1e-5);
      close(sweep.drop(w, 1), wanted.drops[i][1], 1e-6);
    });
    const known = Array.from({ length: 12 }, (_, w) => sweep.known(w));
    assert.deepEqual(known, known.map((_, w) => wanted.indices.includes(w)));
    assert.equal(sweep.known(-1), false);
  }
});

test("one uniform cost is that cost everywhere, however often a pixel is covered", () => {
  const { sweep } = begun(vectors.sweeps[0]);
  sweep.take({ done: 12, total: 12 }, Array.from({ length: 12 }, (_, w) => w), new Float32Array(36).fill(0.75));
  close(sweep.map(2, "logit"), Array(9 * 12).fill(0.75), 1e-6);
});

test("a guess shows the likeliest class alone, until something was asked", () => {
  const { a, sweep } = begun(vectors.sweeps[0]), [first, second] = a.order;
  sweep.take({ guess: true, done: 0, total: 12 }, [], Array(12).fill(2));
  close(sweep.map(first, "logit"), Array(108).fill(2));
  assert.equal(sweep.map(second, "logit"), null);
  assert.ok(sweep.standing.startsWith("a guess"));
});

test("a box is a window where its corner is on the grid and its size is the window's, cut at the border", () => {
  const { sweep } = begun(vectors.sweeps[0]);
  const box = (top, left, height = 4, width = 4) => ({ top, left, height, width });
  assert.equal(sweep.at(box(3, 6), "mean"), 6);
  assert.equal(sweep.at(box(6, 9, 3, 3), "mean"), 11);
  assert.equal(sweep.at(box(6, 9), "mean"), -1);
  assert.equal(sweep.at(box(3, 5), "mean"), -1);
  assert.equal(sweep.at(box(3, 6), "blur"), -1);
  assert.deepEqual(sweep.snap(7.4, 4.6), { left: 6, top: 6, width: 4, height: 3 });
  assert.deepEqual(sweep.snap(99, -5), { left: 9, top: 0, width: 3, height: 4 });
});

test("a mask is asked one at a time, the newest next; what is late, or another view's, is not heard", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [], heard = [], logits = { dtype: "float32", shape: [2], bytes: new Uint8Array(8) };
  let silent = 0;
  const asker = glMaskAsker((content) => asked.push(content), (z, latest) => heard.push([z.length, latest]),
    () => { silent += 1; });
  const answer = (k, more = {}) => asker.heard({ view: asked[k].view, n: asked[k].n, logits, ...more });
  for (const mask of ["a", "b", "c"]) asker.ask({ mask });
  assert.deepEqual(asked.map(({ kind, mask, n }) => [kind, mask, n]), [["mask", "a", 1]]);
  answer(0, { view: "another" });
  answer(0, { n: 2 });
  assert.deepEqual([asked.length, heard.length], [1, 0]);
  answer(0);
  assert.deepEqual([asked.length, asked[1].mask, asked[1].n], [2, "c", 2]);
  answer(1);
  assert.deepEqual(heard, [[2, false], [2, true]]);
  asker.ask({ mask: "d" });
  asker.forget();
  answer(2);
  assert.equal(heard.length, 2);
  asker.ask({ mask: "e" });
  assert.equal(asked[3].mask, "e");
  mock.timers.tick(19999);
  assert.equal(silent, 0);
  mock.timers.tick(1);
  assert.equal(silent, 1);
  asker.ask({ mask: "f" });
  asker.stop();
  mock.timers.tick(99999);
  assert.equal(silent, 1);
  mock.timers.reset();
});

test("a box fills its pixels, those outside the picture not", () => {
  const a = { width: 4, height: 3 }, mask = new Uint8Array(12);
  glFillBox(mask, a, { left: 2, top: -1, width: 9, height: 3 }, 1);
  assert.deepEqual(Array.from(mask), [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0]);
});

test("the baseline is shown where the mask is, and nowhere else", () => {
  const a = { width: 2, height: 1, rgb: Uint8Array.from([1, 2, 3, 4, 5, 6]), baselines: { black: new Uint8Array(6) } };
  const { data } = glMaskedPhoto(a, "black", [0, 1]).image;
  assert.deepEqual(Array.from(data), [1, 2, 3, 255, 0, 0, 0, 255]);
  assert.deepEqual(Array.from(a.rgb), [1, 2, 3, 4, 5, 6]);
});
