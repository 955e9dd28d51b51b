// Families of distributions with one parameter, and samples of them that follow the parameter.

// Seeded and counted: number i of a seed, in [0, 1), is a hash of i (mulberry32), the same in every browser.
/** @param {number} seed @param {number} i */
function glUniform(seed, i) {
  let t = (Math.imul(seed + 1, 0x9e3779b1) + Math.imul(i + 1, 0x6d2b79f5)) >>> 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

// n pairs: u is uniform, z normal (Box and Muller). A family makes its samples of them, so that they follow theta.
/** @param {number} seed @param {number} n */
export function glNoise(seed, n) {
  const u = new Float64Array(n), z = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    u[i] = glUniform(seed, 2 * i);
    z[i] = Math.sqrt(-2 * Math.log(1 - u[i])) * Math.cos(2 * Math.PI * glUniform(seed, 2 * i + 1));
  }
  return { u, z };
}

/** @param {number} u @param {number} rate */
function glPoisson(u, rate) {
  let k = 0, term = Math.exp(-rate), sum = term;
  while (u >= sum && k < 1000) { k += 1; term *= rate / k; sum += term; }
  return k;
}

/** @param {number} t */
function glSigmoid(t) {
  return 1 / (1 + Math.exp(-t));
}

// log p, score and second derivative are linear in (x, x²): given their means, they give the mean over the samples.
// s is what else is known (σ of "Gaussian mean"). log leaves out what does not depend on theta.
/** @type {Record<string, Family>} */
export const GL_FAMILIES = {
  "Gaussian mean": {
    draw: (u, z, t, s) => t + s * z,
    log: (x, xx, t, s) => (2 * x * t - t * t - xx) / (2 * s * s),
    score: (x, xx, t, s) => (x - t) / (s * s), second: (x, xx, t, s) => -1 / (s * s), fisher: (t, s) => 1 / (s * s),
  },
  "Gaussian scale": {
    draw: (u, z, t) => t * z, log: (x, xx, t) => -Math.log(t) - xx / (2 * t * t),
    score: (x, xx, t) => xx / t ** 3 - 1 / t, second: (x, xx, t) => 1 / (t * t) - (3 * xx) / t ** 4,
    fisher: (t) => 2 / (t * t),
  },
  "Bernoulli": {
    draw: (u, z, t) => (u < t ? 1 : 0), log: (x, xx, t) => x * Math.log(t) + (1 - x) * Math.log(1 - t),
    score: (x, xx, t) => x / t - (1 - x) / (1 - t), second: (x, xx, t) => -x / (t * t) - (1 - x) / (1 - t) ** 2,
    fisher: (t) => 1 / (t * (1 - t)),
  },
  "Poisson": {
    draw: (u, z, t) => glPoisson(u, t), log: (x, xx, t) => x * Math.log(t) - t,
    score: (x, xx, t) => x / t - 1, second: (x, xx, t) => -x / (t * t), fisher: (t) => 1 / t,
  },
  "softmax logit": {
    draw: (u, z, t) => (u < glSigmoid(t) ? 1 : 0), log: (x, xx, t) => x * t - Math.log1p(Math.exp(t)),
    score: (x, xx, t) => x - glSigmoid(t), second: (x, xx, t) => -glSigmoid(t) * glSigmoid(-t),
    fisher: (t) => glSigmoid(t) * glSigmoid(-t),
  },
};
