// Numbers as they are written: what is rounded, and what is not said to be more than it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glApart, glScale, glTicks } from "../../gradlab/widgets/front/lib/chart.js";
import { glClamp, glFixed, glNumber, glProbability, glValue } from "../../gradlab/widgets/front/lib/numbers.js";
import { close } from "./help.js";

const wrote = (write, pairs) => pairs.forEach(([given, text]) => assert.equal(write(...[given].flat()), text));

test("a probability that is not certain is never written as 0 or 1", () => {
  wrote(glProbability, [
    [0.5, "0.50"], [0.01, "0.01"], [0.99, "0.99"], [0.0099999, "0.0100"], [0.99001, "0.9900"], [0.0001, "0.0001"],
    [0.9999, "0.9999"], [0.00009999, "< 0.0001"], [0.99991, "> 0.9999"], [0, "< 0.0001"], [1, "> 0.9999"],
  ]);
});

test("a value has its sign, and as many figures as its size asks for", () => {
  wrote(glValue, [
    [[0, false], "0"], [[1.234, false], "+1.23"], [[-0.1, false], "−0.10"], [[-0.0999, false], "−0.10"],
    [[0.001, false], "+0.0010"], [[0.00099, false], "+9.9e-4"], [[-1000, false], "−1.0e+3"],
    [[999.99, false], "+999.99"], [[0.0625, true], "+6.3 %"], [[-0.5, true], "−50.0 %"], [[0, true], "0.0 %"],
  ]);
});

test("a minus is a minus sign, and what rounds to nothing has none", () => {
  wrote(glFixed, [
    [[-1.005, 1], "−1.0"], [[-0.004, 2], "0.00"], [[0.005, 1], "0.0"], [[-0.06, 1], "−0.1"], [[2, 0], "2"],
  ]);
  wrote(glNumber, [[-0.1, "−0.1"], [0.1 + 0.2, "0.3"], [1234567, "1234570"], [0, "0"]]);
});

test("ticks are round, inside, and end where the axis ends", () => {
  assert.deepEqual(glTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(glTicks(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(glTicks(0.31, 0.69, 4), [0.4, 0.5, 0.6]);
});

test("a scale goes there and back; clamping keeps both ends", () => {
  const scale = glScale([-1, 3], [10, 90]);
  close([scale(-1), scale(3), scale(1), scale.back(scale(2.2))], [10, 90, 50, 2.2]);
  assert.deepEqual([-1, 0, 0.5, 1, 2].map((each) => glClamp(each, 0, 1)), [0, 0, 0.5, 1, 1]);
});

test("texts that are too close are moved apart in their order, others stay", () => {
  assert.deepEqual(glApart([30, 10, 12, 60], 8), [30, 10, 18, 60]);
  assert.deepEqual(glApart([5, 5, 5], 10), [5, 15, 25]);
});
