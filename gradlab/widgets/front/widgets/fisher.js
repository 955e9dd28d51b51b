// Scores of samples drawn under the hand: their mean is 0, and their variance is the curvature of the log-likelihood.

import { glAcross, glAxisX, glAxisY, glChart, glDown, glLine, glScale, glText, glTicks, svg } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { el, glButton, glHint, glId, glRange, glReadout, glRender, glSelect, glTitle } from "../lib/dom.js";
import { GL_FAMILIES, glNoise } from "../lib/families.js";
import { glClamp, glFixed, glNumber } from "../lib/numbers.js";

const GL_CURVES = 24;  // samples whose own log-likelihood is drawn
const GL_REACH = 2.2;  // the chart shows theta ± this many 1/√I

// All that n samples say: scores at `at`, their mean and variance, and the curvature there.
/**
 * @param {Family} family @param {{ u: Float64Array, z: Float64Array }} noise @param {number} n @param {number} theta
 * @param {number} at @param {number} s
 */
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
/** @param {number} width @param {any} given */
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
  return [
    glAxisY(y, left, right, glTicks(-4, 2, 4)), glAxisX(x, base, glTicks(low, high, Math.min(6, width / 70))),
    svg("clipPath", { id }, svg("rect", { x: left, y: top, width: right - left, height: base - top })),
    svg("g", { "clip-path": `url(#${id})` },
      Array.from(found.x.slice(0, GL_CURVES), (each) => curve(each, each * each, { class: "gl-own" })),
      glDown("gl-truth", x(theta), top, base), at === theta ? null : glDown("gl-asked", x(at), top, base),
      curve(found.mx, found.mxx, { class: "gl-mean" }), glLine(parabola, { class: "gl-parabola" }),
      svg("circle.gl-asked", { cx: x(at), cy: y(0), r: 5 })),
  ];
}

// The histogram of the scores, with their mean ± one standard deviation.
/** @param {number} width @param {any} given */
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
        ? svg("rect.gl-column", { x: left + k * size + 0.5, width: size - 1, y: y(count), height: base - y(count) })
        : null)),
    glDown("gl-truth", x(0), top - 4, base),
    glAcross("gl-spread", spread[0], spread[1], 16),
    svg("circle.gl-asked", { cx: x(found.mean), cy: 16, r: 5 }),
    glAcross("gl-base", left, right, base),
    glAxisX(x, base, glTicks(-wide, wide, Math.min(6, width / 60))),
  ];
}

// The Fisher information three ways, as bars over one scale.
/** @param {number} width @param {any} given */
function glCompared(width, { found, range }) {
  const left = 4, rows = [
    ["variance", "variance of the scores", found.variance],
    ["curvature", "curvature: mean of −second derivative", found.curvature],
    ["book", `textbook: I = ${range.formula}`, found.book],
  ];
  const x = glScale([0, Math.max(...rows.map((row) => row[2]), 1e-9)], [left, width - 60]);
  return rows.map(([key, name, value], k) => [
    glText(left, 14 + 46 * k, name),
    svg(`rect.gl-measure.gl-${key}`, {
      "data-measure": key, "data-value": value.toFixed(6), x: left, y: 20 + 46 * k,
      width: Math.max(0, x(value) - left), height: 16, rx: 2,
    }),
    glText(Math.max(left, x(value)) + 6, 33 + 46 * k, glPlain(value), "gl-strong"),
  ]);
}

// Three figures that matter, whatever the size.
/** @param {number} value */
function glPlain(value) {
  const size = Math.abs(value);
  if (size >= 100) return glFixed(value, 0);
  return size < 1e-4 ? glFixed(value, 4) : value.toPrecision(3).replace("-", "−");
}

/** @param {any} given */
function glFisherSentence({ found, n, at, theta, range }) {
  const error = glPlain(Math.sqrt(found.variance / n));
  const text = `${n} scores at ${range.symbol} = ${glNumber(at)}: mean ${glPlain(found.mean)} ± ${error}, variance ` +
    `${glPlain(found.variance)}, curvature ${glPlain(found.curvature)}, textbook I = ${glPlain(found.book)}.`;
  return at === theta ? `${text} The mean is 0 but for chance, so the variance estimates the Fisher information.`
    : `${text} Asked away from the truth (${glNumber(theta)}), the mean is not 0: it points back to it.`;
}

/** @param {string} kind @param {string} text */
function glSwatch(kind, text) {
  return el("span.gl-key", el(`span.gl-swatch.${kind}`, { "aria-hidden": "true" }), el("span", text));
}

class GlFisher {
  /** @type {number[]} */ counts; /** @type {Record<string, any>} */ ranges;
  /** @type {ReturnType<typeof glReadout>} */ readout; /** @type {any} */ view;
  /** @type {Record<string, any>} */ inputs;
  /** @type {{ u: Float64Array, z: Float64Array }} */ noise; /** @type {number | undefined} */ drawn;
  /** @type {Record<string, () => void>} */ hears; /** @type {ReturnType<typeof glSelect>} */ family;

  /** @param {Model} model */
  constructor(model) {
    const { counts, families } = model.get("start");
    const names = ["family", "theta", "sigma", "n", "seed", "away"];
    const chosen = (this.chosen = new GlChoices(model, names, () => this.changed()));
    Object.assign(this, { counts, ranges: families, hears: chosen.hears, readout: glReadout() });
    this.charts = {
      likelihoods: glChart("likelihoods", 240, (width) => glLikelihoods(width, this.view)),
      histogram: glChart("histogram", 240, (width) => glScoreHistogram(width, this.view)),
      compared: glChart("compared", 140, (width) => glCompared(width, this.view)),
    };
    this.title = glTitle();
    this.hints = { histogram: glHint(), compared: glHint() };
    this.parabola = glSwatch("gl-parabola", "");
    const next = () => chosen.set({ seed: (chosen.get("seed") + 1) % 2 ** 32 });
    this.again = glButton("again", "draw again", next);
    const section = (key, title, hint) => el("section", title, this.charts[key].node, hint);
    this.node = el("div.gl-figure", this.controls(),
      el("div.gl-columns",
        el("section", this.title, this.charts.likelihoods.node,
          glHint("The slope of a curve at the dot is that sample's score."),
          el("p.gl-keys", glSwatch("gl-own", "one sample"), glSwatch("gl-mean", "mean of all"), this.parabola)),
        section("histogram", glTitle("The scores"), this.hints.histogram),
        section("compared", glTitle("Fisher information, three ways"), this.hints.compared)),
      this.readout.node,
      el("div.gl-controls.gl-control-row", this.inputs.away.node,
        el("span.gl-hint", "A control: scores taken beside the parameter that made the samples.")));
    this.stops = [...Object.values(this.charts), this.readout, chosen];
  }

  controls() {
    const { chosen, counts, ranges } = this, set = (key) => (value) => chosen.set({ [key]: value });
    const slider = (name, props) =>
      glRange({ name, text: glNumber, value: chosen.get(name), change: set(name), ...props });
    this.inputs = {
      theta: slider("theta", { label: "", ...ranges[chosen.get("family")], value: chosen.get("theta") }),
      sigma: slider("sigma", { label: "known σ =", low: 0.5, high: 3, step: 0.1 }),
      n: slider("n", {
        label: "samples n =", low: 0, high: counts.length - 1, step: 1, value: 0,
        text: (value) => String(counts[value]),
        change: (value) => chosen.set({ n: counts[value] }),
      }),
      away: slider("away", {
        label: "ask beside the truth", low: -1.5, high: 1.5, step: 0.1,
        text: (value) => (value ? `${value > 0 ? "+" : ""}${glNumber(value)}/√I` : "no"),
      }),
    };
    this.family = glSelect("family", "family", Object.keys(GL_FAMILIES), "", (family) =>
      chosen.set({ family, theta: ranges[family].value }));
    const { theta, sigma, n } = this.inputs;
    return el("div.gl-controls", this.family.node, theta.node, sigma.node, n.node, this.again,
      glButton("reset", "reset", () => chosen.reset()));
  }

  begin() { this.changed(); }

  changed() {
    const { chosen, counts, inputs, ranges } = this, { family, theta, sigma, n, seed, away } = chosen.all();
    this.family.set(family);
    inputs.theta.reset({ label: `${ranges[family].symbol} =`, ...ranges[family], value: theta });
    inputs.sigma.set(sigma);
    inputs.sigma.node.hidden = family !== "Gaussian mean";
    inputs.n.set(counts.indexOf(n));
    inputs.away.set(away);
    if (seed !== this.drawn) this.noise = glNoise(seed, counts[counts.length - 1]);
    this.drawn = seed;
    this.draw();
  }

  draw() {
    const { charts, hints, chosen } = this, { family: name, theta, sigma: s, n, away, seed } = chosen.all();
    const family = GL_FAMILIES[name], range = this.ranges[name];
    const beside = glClamp(theta + away / Math.sqrt(family.fisher(theta, s)), range.least, range.most);
    const at = away ? Number(beside.toPrecision(4)) : theta, found = glScores(family, this.noise, n, theta, at, s);
    this.view = { family, range, theta, at, s, n, found };
    const sentence = glFisherSentence(this.view);
    charts.likelihoods.draw(`Log-likelihood against ${range.symbol}: ${GL_CURVES} single samples, and the mean of ` +
      `all. ${sentence}`);
    charts.histogram.draw(`Histogram of the scores. ${sentence}`);
    charts.compared.draw(sentence);
    this.title.textContent = `Log-likelihood near ${range.symbol} = ${glNumber(theta)}`;
    hints.histogram.textContent = `Mean ${glPlain(found.mean)} ± ${glPlain(Math.sqrt(found.variance / n))}; the line ` +
      "is 0, the bar above one standard deviation to each side.";
    hints.compared.textContent = at === theta ? "They agree but for chance, which shrinks as 1 over √n."
      : "Away from the truth, they need not agree.";
    this.parabola.children[1].textContent = `−½ I (${range.symbol}′ − ${range.symbol})²`;
    this.again.title = `seed ${seed}`;
    this.readout.say(sentence);
  }
}
const render = glRender("fisher", "Fisher information: variance of the scores, and curvature",
  (model) => new GlFisher(model));

export default { render };
