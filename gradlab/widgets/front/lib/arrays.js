// Sums, means and places of the largest.

export function glSum(values, of = (each) => each) {
  return values.reduce((sum, each, k) => sum + of(each, k), 0);
}

export function glMean(values) {
  return glSum(values) / values.length;
}

// The first of the largest.
export function glArgmax(values) {
  return values.reduce((best, each, k) => (each > values[best] ? k : best), 0);
}

// Places by value, the largest first; of equal ones the first.
export function glRanked(values) {
  return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b);
}

// What key stands for, made when it is first asked for.
export function glKept(make) {
  const made = new Map();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
}
