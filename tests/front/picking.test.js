// Picking a class by typing: what fits, and what comes first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glArgmax, glMean, glRanked, glSum } from "../../gradlab/widgets/front/lib/numbers.js";
import { glSearch } from "../../gradlab/widgets/front/lib/search.js";
import { vectors } from "./help.js";

test("what a word finds, and in which order, is the engine's", () => {
  const { labels, groups, cases } = vectors.searches;
  assert.ok(cases.length > 20);
  const options = labels.map((text, value) => ({ text, value }));
  for (const { typed, wanted } of cases) {
    assert.deepEqual(glSearch(options, typed, groups).map(({ value }) => value), wanted, typed);
  }
});

test("nothing typed keeps all in their order; the space around it does not count", () => {
  const options = ["b", "a", "ab"].map((text, value) => ({ text, value }));
  assert.deepEqual(glSearch(options, "  "), options);
  assert.deepEqual(glSearch(options, " a ").map(({ text }) => text), ["a", "ab"]);
  assert.deepEqual(glSearch(options, "constructor"), [], "a word of JavaScript's own is no group");
});

test("the largest is the first of equals; ranks likewise", () => {
  assert.equal(glArgmax([1, 3, 3, 2]), 1);
  assert.deepEqual(glRanked(Float64Array.from([0.2, 0.5, 0.2, 0.1])), [1, 0, 2, 3]);
  assert.deepEqual([glSum([1, 2], (each, k) => each * k), glMean([1, 2, 6])], [2, 3]);
});
