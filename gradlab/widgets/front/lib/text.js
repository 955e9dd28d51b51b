// Numbers as they are written.

// A number as short as it can be, with a real minus sign.
export function glNumber(value) {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

export function glFixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export function glProbability(p) {
  if (p >= 0.01 && p <= 0.99) return p.toFixed(2);
  if (p >= 0.0001 && p <= 0.9999) return p.toFixed(4);
  return p > 0.5 ? "> 0.9999" : "< 0.0001";
}

export function glValue(value, share) {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (share) return `${sign}${(100 * size).toFixed(1)} %`;
  if (size === 0) return "0";
  if (size >= 1000 || size < 0.001) return sign + size.toExponential(1);
  return sign + (size >= 0.1 ? size.toFixed(2) : size.toPrecision(2));
}
