// Maps of the classes, contrasts, cells taken away, and how maps are enlarged: against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  glClassMap, glContrast, glHottest, glShare, glSoftmax, glTop, glUpsample, glVotes, glWithout,
} from "../../gradlab/widgets/front/lib/numbers.js";
import { close, vectors } from "./help.js";

const { maps } = vectors, [classes, h, w] = maps.shape;
const a = { z: maps.z, p: glSoftmax(maps.z), L: maps.L.flat(2), classes, h, w, cells: h * w };

test("why P and what if not P are the maps of P with either sign", () => {
  close(glClassMap(a, maps.p, 1), maps.why);
  close(glClassMap(a, maps.p, -1), maps.whatif);
});

test("why P, rather than Q, for every Q", () => {
  maps.contrasts.forEach((contrast, q) => close(glContrast(a, q), contrast));
});

test("a contrast of a sure network keeps its sign and size where its terms nearly cancel", () => {
  const sure = { ...a, p: Float64Array.from({ length: classes }, (_, c) => (c ? 1e-12 : 1)) };
  const wanted = Array.from({ length: h * w }, (_, i) =>
    maps.L.flat(2).reduce((sum, _each, k) => (k % (h * w) === i && k >= h * w
      ? sum + 1e-12 * (a.L[k] - a.L[i]) : sum), 0));
  close(Array.from(glContrast(sure, 0), (each) => 1e12 * each), wanted.map((each) => 1e12 * each));
});

test("p with cells taken away is the network's with those cells at zero", () => {
  close(glWithout(a, new Set(maps.cells)), maps.without);
  close(glWithout(a, new Set()), a.p);
});

test("softmax neither overflows nor loses a certain answer", () => {
  assert.deepEqual(Array.from(glSoftmax([5000, 0, -5000])), [1, 0, 0]);
  close(glSoftmax([1, 1, 1, 1]), [0.25, 0.25, 0.25, 0.25]);
});

test("the votes of a cell are the largest, the largest first", () => {
  const cell = 5, all = Array.from({ length: classes }, (_, c) => a.L[c * a.cells + cell]).sort((x, y) => y - x);
  assert.deepEqual(glVotes(a, cell, 3).map(({ value }) => value), all.slice(0, 3));
  assert.ok(glVotes(a, cell, 3).every(({ c, value }) => a.L[c * a.cells + cell] === value));
});

test("a map is enlarged as the engine does: cells' centres, half a cell in, and flat beyond them", () => {
  const [height, width] = maps.size;
  close(glUpsample(maps.L[0].flat(), h, w, height, width), maps.large);
  close(glUpsample([0, 1], 1, 2, 1, 8), [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]);
  close(glUpsample([0, 1], 2, 1, 8, 1), [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]);
});

test("shares add up to 1 in size and keep their signs; a map of zeros stays", () => {
  close(glShare([-1, 0, 3]), [-0.25, 0, 0.75]);
  assert.deepEqual(glShare([0, 0]), [0, 0]);
});

test("what the colours span counts negative evidence only where they show it", () => {
  assert.equal(glTop([-3, 2], true), 3);
  assert.equal(glTop([-3, 2], false), 2);
  assert.equal(glTop([-3, -2], false), 0);
  assert.equal(glHottest([-3, -1, -2]), 1);
});
