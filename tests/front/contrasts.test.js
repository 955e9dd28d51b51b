// The introspective panels: rows, lengths, cosines and sparsity, against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  GL_ONES, glCosine, glEffective, glHeldRows, glLength, glRowsOf, glSparsity,
} from "../../gradlab/widgets/front/lib/contrasts.js";
import { close, softmax, vectors } from "./help.js";

const asked = [0, 1, 2, 3, 4];
const cases = vectors.panels.map((each) => {
  const p = softmax(each.z);
  return { wanted: each, at: { z: each.z, p, h: each.h, said: p.indexOf(Math.max(...p)) } };
});

test("rows of every question, and of the label of all ones by every loss", () => {
  for (const { at, wanted } of cases) {
    for (const q of asked) close(glRowsOf(at, q), wanted.rows[q]);
    for (const [loss, ones] of Object.entries(wanted.ones)) close(GL_ONES[loss](at), ones);
  }
});

test("lengths, effective rows, rows that hold 99 %, cosines", () => {
  for (const { at, wanted } of cases) {
    const rows = asked.map((q) => glRowsOf(at, q));
    close(rows.map((u) => glLength(u) * glLength(at.h)), wanted.norms);
    close(rows.map(glEffective), wanted.effective, 1e-6);
    assert.deepEqual(rows.map(glHeldRows), wanted.held);
    close(rows.map((u) => rows.map((v) => glCosine(u, v))), wanted.cosines, 1e-6);
  }
});

test("a sure network's contrasts have two rows and cosines of one half; nothing has no row", () => {
  const { at } = cases[0], kept = glSparsity(at, asked);
  close([kept.effective, kept.held, kept.cosine], [2, 2, 0.5], 1e-3);
  assert.ok(kept.share < 1e-5 && kept.sure > 0.999);
  assert.equal(glEffective([0, 0, 0]), 0);
  assert.equal(glCosine([0, 0], [1, 0]), 0);
});
