// Scores of samples drawn under the hand: their mean is 0, and their variance is the curvature of the log-likelihood.

import {
  glAxisX, glAxisY, glChart, glFixed, glLine, glNumber, glRange, glScale, glSvg, glText, glTicks,
} from "../lib/chart.js";
import { glButton, glId, glKeepKeys, glNode, glReadout, glSelect } from "../lib/dom.js";
import { GL_FAMILIES, glNoise } from "../lib/families.js";
import { glClamp } from "../lib/numbers.js";

const GL_CURVES = 24;  // samples whose own log-likelihood is drawn
const GL_REACH = 2.2;  // the chart shows theta ± this many 1/√I

// All that n samples say: scores at `at`, their mean and variance, and the curvature there.
function glScores(family, noise, n, theta, at, s) {
  const x = new Float64Array(n), scores = new Float64Array(n);
  let mx = 0, mxx = 0, mean = 0, square = 0;
  for (let i = 0; i < n; i++) {
    x[i] = family.draw(noise.u[i], noise.z[i], theta, s);
    scores[i] = family.score(x[i], x[i] * x[i], at, s);
    mx += x[i] / n;
    mxx += (x[i] * x[i]) / n;
    mean += scores[i] / n;
  }
  for (const each of scores) square += (each - mean) ** 2 / n;
  return {
    x, scores, mx, mxx, mean, variance: square, curvature: -family.second(mx, mxx, at, s),
    book: family.fisher(theta, s),
  };
}

// Log-likelihoods as functions of theta, each 0 where the scores are taken; their slopes there are the scores.
function glLikelihoods(width, { family, found, theta, at, s, range }) {
  const left = 34, right = width - 8, top = 8, base = 218, reach = GL_REACH / Math.sqrt(found.book);
  const low = Math.max(range.least, theta - reach), high = Math.min(range.most, theta + reach);
  const x = glScale([low, high], [left, right]), y = glScale([-4.5, 2.5], [base, top]), id = glId("clip");
  const curve = (mx, mxx, props) => glLine(Array.from({ length: 49 }, (_, k) => {
    const t = low + ((high - low) * (k + 0.5)) / 49;
    return [x(t), y(glClamp(family.log(mx, mxx, t, s) - family.log(mx, mxx, at, s), -40, 40))];
  }), props);
  const parabola = Array.from({ length: 49 }, (_, k) => {
    const t = low + ((high - low) * k) / 48;
    return [x(t), y(-0.5 * found.book * (t - theta) ** 2 + 0.5 * found.book * (at - theta) ** 2)];
  });
  const stem = (t, kind) => glSvg("line", { class: kind, x1: x(t), x2: x(t), y1: top, y2: base });
  return [
    glAxisY(y, left, right, glTicks(-4, 2, 4)), glAxisX(x, base, glTicks(low, high, Math.min(6, width / 70))),
    glSvg("clipPath", { id }, glSvg("rect", { x: left, y: top, width: right - left, height: base - top })),
    glSvg("g", { "clip-path": `url(#${id})` },
      Array.from(found.x.slice(0, GL_CURVES), (each) => curve(each, each * each, { class: "gl-own" })),
      stem(theta, "gl-truth"), at === theta ? null : stem(at, "gl-asked"),
      curve(found.mx, found.mxx, { class: "gl-mean" }), glLine(parabola, { class: "gl-parabola" }),
      glSvg("circle", { class: "gl-asked", cx: x(at), cy: y(0), r: 5 })),
  ];
}

// The histogram of the scores, with their mean ± one standard deviation.
function glScoreHistogram(width, { found }) {
  const left = 8, right = width - 8, top = 30, base = 218, bins = 41;
  const wide = Math.max(3.6 * Math.sqrt(found.book), Math.abs(found.mean) + 3 * Math.sqrt(found.variance));
  const x = glScale([-wide, wide], [left, right]), counts = Array(bins).fill(0);
  for (const each of found.scores) counts[glClamp(Math.floor(((each + wide) / (2 * wide)) * bins), 0, bins - 1)] += 1;
  const y = glScale([0, Math.max(...counts)], [base, top]), size = (right - left) / bins;
  const sd = Math.sqrt(found.variance), spread = [found.mean - sd, found.mean + sd].map(x);
  return [
    counts.map((count, k) =>
      (count
        ? glSvg("rect", {
          class: "gl-column", x: left + k * size + 0.5, width: size - 1, y: y(count), height: base - y(count),
        })
        : null)),
    glSvg("line", { class: "gl-truth", x1: x(0), x2: x(0), y1: top - 4, y2: base }),
    glSvg("line", { class: "gl-spread", x1: spread[0], x2: spread[1], y1: 16, y2: 16 }),
    glSvg("circle", { class: "gl-asked", cx: x(found.mean), cy: 16, r: 5 }),
    glSvg("line", { class: "gl-base", x1: left, x2: right, y1: base, y2: base }),
    glAxisX(x, base, glTicks(-wide, wide, Math.min(6, width / 60))),
  ];
}

function glCompared(width, { found, range }) {
  const left = 4, right = width - 60, rows = [
    ["variance", "variance of the scores", found.variance],
    ["curvature", "curvature: mean of −second derivative", found.curvature],
    ["book", `textbook: I = ${range.formula}`, found.book],
  ];
  const x = glScale([0, Math.max(...rows.map((row) => row[2]), 1e-9)], [left, right]);
  return rows.map(([key, name, value], k) => [
    glText(left, 14 + 46 * k, name, {}),
    glSvg("rect", {
      class: `gl-measure gl-${key}`, "data-measure": key, "data-value": value.toFixed(6), x: left, y: 20 + 46 * k,
      width: Math.max(0, x(value) - left), height: 16, rx: 2,
    }),
    glText(Math.max(left, x(value)) + 6, 33 + 46 * k, glPlain(value), { class: "gl-strong" }),
  ]).flat();
}

// Three figures that matter, whatever the size.
function glPlain(value) {
  const size = Math.abs(value);
  if (size >= 100) return glFixed(value, 0);
  return size < 1e-4 ? glFixed(value, 4) : value.toPrecision(3).replace("-", "−");
}

function glFisherSentence({ found, n, at, theta, range }) {
  const error = glPlain(Math.sqrt(found.variance / n));
  const text = `${n} scores at ${range.symbol} = ${glNumber(at)}: mean ${glPlain(found.mean)} ± ${error}, variance ` +
    `${glPlain(found.variance)}, ` +
    `curvature ${glPlain(found.curvature)}, textbook I = ${glPlain(found.book)}.`;
  return at === theta ? `${text} The mean is 0 but for chance, so the variance estimates the Fisher information.`
    : `${text} Asked away from the truth (${glNumber(theta)}), the mean is not 0: it points back to it.`;
}

function render({ model, el }) {
  const start = model.get("start"), ranges = start.families;
  const state = { name: start.family, theta: start.theta, s: start.sigma, n: start.n, seed: start.seed, away: 0 };
  let noise = null;
  const readout = glReadout();
  let view = null;
  const charts = {
    likelihoods: glChart("likelihoods", 240, (width) => glLikelihoods(width, view)),
    histogram: glChart("histogram", 240, (width) => glScoreHistogram(width, view)),
    compared: glChart("compared", 140, (width) => glCompared(width, view)),
  };
  const round = (value) => Number(value.toPrecision(4));
  const draw = () => {
    const family = GL_FAMILIES[state.name], range = ranges[state.name], { theta, s, n } = state;
    const at = state.away
      ? round(glClamp(theta + state.away / Math.sqrt(family.fisher(theta, s)), range.least, range.most))
      : theta;
    view = { family, range, theta, at, s, n, found: glScores(family, noise, n, theta, at, s) };
    const sentence = glFisherSentence(view);
    charts.likelihoods.draw(`Log-likelihood against ${range.symbol}: ${GL_CURVES} single samples, and the mean of ` +
      `all. ${sentence}`);
    charts.histogram.draw(`Histogram of the scores. ${sentence}`);
    charts.compared.draw(sentence);
    titles.likelihoods.textContent = `Log-likelihood near ${range.symbol} = ${glNumber(theta)}`;
    hints.histogram.textContent = `Mean ${glPlain(view.found.mean)} ± ` +
      `${glPlain(Math.sqrt(view.found.variance / n))}; the line is 0, the bar above one standard deviation to ` +
      "each side.";
    hints.compared.textContent = at === theta ? "They agree but for chance, which shrinks as 1 over √n."
      : "Away from the truth, they need not agree.";
    parabola.lastChild.textContent = `−½ I (${range.symbol}′ − ${range.symbol})²`;
    again.title = `seed ${state.seed}`;
    readout.say(sentence);
  };
  const drawAgain = () => { noise = glNoise(state.seed, start.counts[start.counts.length - 1]); draw(); };

  const slider = (name, props, key) =>
    glRange({ name, text: glNumber, ...props, change: (value) => { state[key] = value; draw(); } });
  const shape = (name) => ({ label: `${ranges[name].symbol} =`, ...ranges[name] });
  const theta = slider("theta", { ...shape(state.name), value: state.theta }, "theta");
  const sigma = slider("sigma", { label: "known σ =", low: 0.5, high: 3, step: 0.1, value: state.s }, "s");
  const away = slider("away", { label: "ask beside the truth", low: -1.5, high: 1.5, step: 0.1, value: 0,
    text: (value) => (value ? `${value > 0 ? "+" : ""}${glNumber(value)}/√I` : "no") }, "away");
  const count = glRange({ name: "n", label: "samples n =", low: 0, high: start.counts.length - 1, step: 1,
    value: start.counts.indexOf(state.n),
    text: (value) => String(start.counts[value]), change: (value) => { state.n = start.counts[value]; draw(); } });
  const family = glSelect("family", "family", Object.keys(GL_FAMILIES), state.name, (name) => {
    state.name = name;
    state.theta = ranges[name].value;
    theta.reset(shape(name));
    sigma.node.hidden = name !== "Gaussian mean";
    draw();
  });
  const again = glButton("again", "draw again", () => { state.seed += 1; drawAgain(); });
  sigma.node.hidden = state.name !== "Gaussian mean";

  const titles = {}, hints = {};
  const section = (key, title, hint) => {
    titles[key] = glNode("h3", { class: "gl-title" }, title);
    hints[key] = glNode("p", { class: "gl-hint" }, hint);
    return glNode("section", {}, titles[key], charts[key].node, hints[key]);
  };
  const swatch = (kind, text) =>
    glNode("span", { class: "gl-key" }, glNode("span", { class: `gl-swatch ${kind}`, "aria-hidden": "true" }),
      glNode("span", {}, text));
  const parabola = swatch("gl-parabola", "");
  const likelihoods = section("likelihoods", "", "The slope of a curve at the dot is that sample's score.");
  likelihoods.append(glNode("p", { class: "gl-keys" }, swatch("gl-own", "one sample"), swatch("gl-mean", "mean of all"),
    parabola));
  const root = glNode("div", {
    class: "gl-root gl-fisher", role: "region", lang: "en",
    "aria-label": "Fisher information: variance of the scores, and curvature",
  },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, family, theta.node, sigma.node, count.node, again),
      glNode("div", { class: "gl-columns" }, likelihoods,
        section("histogram", "The scores", ""),
        section("compared", "Fisher information, three ways", ""),
      ),
      readout.node,
      glNode("div", { class: "gl-controls gl-control-row" }, away.node,
        glNode("span", { class: "gl-hint" }, "A control: scores taken beside the parameter that made the samples."))));
  glKeepKeys(root);
  el.append(root);
  drawAgain();
  return () => {
    Object.values(charts).forEach((chart) => chart.stop());
    readout.stop();
    root.remove();
  };
}

export default { render };
