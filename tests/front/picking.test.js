// Picking a class by typing: what fits, and what comes first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glFilter } from "../../gradlab/widgets/front/lib/combobox.js";
import { glArgmax, glMean, glRanked, glSum } from "../../gradlab/widgets/front/lib/numbers.js";

const found = (labels, typed) => glFilter(labels.map((text) => ({ text })), typed).map(({ text }) => text);

test("whole words first, then beginnings, then beginnings of words, then the rest", () => {
  const labels = ["scatter", "big catamaran", "catamaran", "tiger cat", "dog"];
  assert.deepEqual(found(labels, "cat"), ["tiger cat", "catamaran", "big catamaran", "scatter"]);
});

test("what fits as well keeps its order, whatever its case and the space around it", () => {
  assert.deepEqual(found(["b Cat", "a cat", "C.A.T."], " CAT "), ["b Cat", "a cat"]);
  assert.deepEqual(found(["stop (red)", "redder"], "red"), ["stop (red)", "redder"]);
  assert.deepEqual(found(["Über", "über allem", "der Über"], "über"), ["Über", "über allem", "der Über"]);
});

test("nothing typed keeps all; nothing that fits leaves none", () => {
  assert.deepEqual(found(["a", "b"], "  "), ["a", "b"]);
  assert.deepEqual(found(["a", "b"], "c"), []);
  assert.deepEqual(found(["a.c", "abc"], "a.c"), ["a.c"]);
});

test("the largest is the first of equals; ranks likewise", () => {
  assert.equal(glArgmax([1, 3, 3, 2]), 1);
  assert.deepEqual(glRanked(Float64Array.from([0.2, 0.5, 0.2, 0.1])), [1, 0, 2, 3]);
  assert.deepEqual([glSum([1, 2], (each, k) => each * k), glMean([1, 2, 6])], [2, 3]);
});
