// Reliability: bins, errors and their floor, against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glChances, glDecodeArm, glJudge } from "../../gradlab/widgets/front/lib/reliability.js";
import { close, sent, softmax, vectors } from "./help.js";

const { judged } = vectors, n = judged.labels.length;
const said = judged.logits.map((z) => z.indexOf(Math.max(...z)));
const below = Float64Array.from(judged.logits.flatMap((z) => z.map((each) => each - Math.max(...z))));
const arm = { classes: 4, said, below };

test("bins, their confidence and accuracy, ECE, MCE and NLL at every temperature", () => {
  for (const wanted of judged.at) {
    const found = glJudge(arm, judged.labels, judged.bins, wanted.T);
    assert.deepEqual(Array.from(found.bin), wanted.bin);
    assert.deepEqual(found.bins.map((each) => each.count), wanted.counts);
    close(found.bins.map((each) => (each.count ? each.confidence : -1)), wanted.confidence);
    close(found.bins.map((each) => (each.count ? each.accuracy : -1)), wanted.accuracy);
    close([found.ece, found.mce, found.nll], [wanted.ece, wanted.mce, wanted.nll]);
  }
});

test("a confidence of exactly 1 falls in the last bin, one on an edge in the bin below it", () => {
  const { bin, confidence } = glJudge(arm, judged.labels, 4, 1);
  assert.deepEqual([confidence[n - 3], bin[n - 3]], [1, 3]);
  assert.deepEqual([confidence[n - 2], bin[n - 2]], [0.5, 1]);
  assert.deepEqual([confidence[n - 1], bin[n - 1]], [0.25, 0]);
});

test("what a network says, its runner-up, and the logits below the largest; of equals the first", () => {
  const { sent: logits, first, second, below: wanted } = vectors.decoded;
  const found = glDecodeArm({ name: "a", logits: sent(logits) });
  assert.deepEqual(Array.from(found.said), first);
  assert.deepEqual(Array.from(found.second), second);
  close(found.below, wanted);
  assert.deepEqual([found.classes, found.name], [4, "a"]);
});

test("the error that is left to a calibrated network is the engine's floor", () => {
  close(judged.lots.map((lot) => glJudge(arm, lot, judged.bins, 1).ece), judged.floor);
});

test("the gap is confidence less accuracy: above zero where the network is too sure", () => {
  const sure = { classes: 2, said: [0, 0], below: Float64Array.from([0, -9, 0, -9]) };
  assert.ok(glJudge(sure, [1, 1], 5, 1).bins[4].gap > 0.99);
  assert.ok(glJudge({ ...sure, below: Float64Array.from([0, -0.1, 0, -0.1]) }, [0, 0], 5, 1).bins[2].gap < -0.4);
});

test("p of one picture at a temperature, and no prediction changes with it", () => {
  for (const T of [0.3, 1, 8]) {
    const p = Array.from(glChances(arm, 2, T));
    close(p, softmax(judged.logits[2].map((each) => each / T)));
    assert.equal(p.indexOf(Math.max(...p)), said[2]);
  }
});
