// What is cut, what is not picked, and what is written at the edge of a range.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glLines } from "../../gradlab/widgets/front/lib/pins.js";
import { GlSource } from "../../gradlab/widgets/front/lib/source.js";

const letters = { measureText: (text) => ({ width: text.length }) };

test("a text is broken between words, and only a third line is cut", () => {
  assert.deepEqual(glLines(letters, "why cat", 10), ["why cat"]);
  assert.deepEqual(glLines(letters, "why cat, rather", 8), ["why cat,", "rather"]);
  assert.deepEqual(glLines(letters, "why cat, rather than fox", 8), ["why cat,", "rather ..."]);
});

test("a file dialogue that is cancelled changes nothing", async () => {
  const told = { error: { textContent: "" }, ask: () => assert.fail("nothing was picked") };
  await GlSource.prototype.upload.call(told, undefined);
  assert.equal(told.error.textContent, "");
});

test("a file that is too large is named, with its size", async () => {
  const told = { error: { textContent: "" }, ask: () => assert.fail("it is too large") };
  await GlSource.prototype.upload.call(told, { name: "a.png", size: 26 * 2 ** 20 });
  assert.equal(told.error.textContent, "a.png has 26 MB: at most 25 MB, please.");
});
