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

test("a file that is too large, and no picture to the browser, is named with its size", async () => {
  globalThis.createImageBitmap = async () => { throw new Error("no picture"); };
  const said = [], told = {
    turn: 0, wait: (text) => said.push(text),
    settle: (text) => said.push(text), ask: () => assert.fail("it is too large"),
  };
  await GlSource.prototype.upload.call(told, { name: "a.heic", size: 26 * 2 ** 20 });
  assert.deepEqual(said, [
    "reading a.heic ...", "a.heic has 26 MB and the browser cannot shrink it: at most 6 MB, please.",
  ]);
});

test("a small file goes as it is", async () => {
  const asked = [], hint = { textContent: "drop" };
  const told = { turn: 0, wait() {}, settle: assert.fail, hint, ask: (wanted) => asked.push(wanted) };
  const file = { name: "a", size: 2, arrayBuffer: async () => new Uint8Array([7, 9]).buffer };
  await GlSource.prototype.upload.call(told, file);
  assert.equal(hint.textContent, "drop");
  assert.deepEqual([asked[0].name, [...asked[0].upload.bytes]], ["a", [7, 9]]);
});

test("a file that is overtaken while it is read is not sent", async () => {
  const told = { turn: 0, wait() {}, settle: assert.fail, ask: () => assert.fail("another was asked for meanwhile") };
  const file = { name: "a", size: 2, arrayBuffer: async () => new ArrayBuffer(2) };
  const reading = GlSource.prototype.upload.call(told, file);
  told.turn += 1;
  await reading;
});
