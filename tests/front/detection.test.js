// ROC curves: thresholds, ties, areas and errors, against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glDetectionError, glPassing, glPlaces, glRoc } from "../../gradlab/widgets/front/lib/roc.js";
import { close, vectors } from "./help.js";

test("the curve over all thresholds; equal scores pass one together", () => {
  for (const wanted of vectors.detection) {
    const { points, area, at95, best } = glRoc(wanted.inside, wanted.outside);
    close(points.map((each) => each.tpr), wanted.tpr);
    close(points.map((each) => each.fpr), wanted.fpr);
    assert.deepEqual(points.slice(1).map((each) => each.t), wanted.thresholds);
    close([area, at95.fpr, glDetectionError(best)], [wanted.auroc, wanted.at95, wanted.error]);
  }
});

test("ties count half, and 95 % are exactly enough", () => {
  close(glRoc([1, 1], [1, 1]).area, 0.5);
  close(glRoc([0, 2], [1]).area, 0.5);
  const twenty = Array.from({ length: 20 }, (_, i) => i);
  assert.equal(glRoc(twenty, [0]).at95.t, 1);
});

test("a threshold lets through what reaches it", () => {
  assert.deepEqual(glPassing([1, 2, 3, 4], [0, 2], 2), { t: 2, tpr: 0.75, fpr: 0.5 });
  for (const { inside, outside } of vectors.detection) {
    for (const point of glRoc(inside, outside).points) {
      assert.deepEqual(glPassing(inside, outside, point.t), point);
    }
  }
});

test("odds go there and back, and certainty has a place", () => {
  const { of, back } = glPlaces(true);
  close([0.5, 0.9, 0.999].map((p) => back(of(p))), [0.5, 0.9, 0.999]);
  close([of(0.5), of(10 / 11), of(1), of(0)], [0, 1, 9, -9], 1e-6);
  assert.equal(glPlaces(false).of(3), 3);
});
