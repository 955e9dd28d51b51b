// Arrays between the kernel and the page: { dtype, shape, bytes }, both ways; the other end is widgets/wire.py.

const GL_DTYPES = {
  uint8: Uint8Array, int32: Int32Array, uint32: Uint32Array, float16: Uint16Array, float32: Float32Array,
  float64: Float64Array,
};
let glHalves = null;

// Float16Array is not in every browser: a table over all 65536 bit patterns is built once and read ever after.
function glHalfTable() {
  if (glHalves) return glHalves;
  glHalves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) glHalves[bits] = fraction ? NaN : sign * Infinity;
    else if (exponent === 0) glHalves[bits] = sign * fraction * 2 ** -24;
    else glHalves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return glHalves;
}

// What the kernel sent as { shape, scale, values }; values are flat, in units of the scale where there is one. In a
// message the bytes are the number of one of its buffers. They may begin anywhere: they are copied to an aligned place.
/** @param {Packed} given @param {any[]} [buffers] @returns {Unpacked} */
export function glUnpacked({ dtype, shape, bytes, scale }, buffers) {
  const raw = buffers ? buffers[bytes] : bytes, table = glHalfTable();
  const whole = raw.buffer ? raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength) : raw;
  const values = new GL_DTYPES[dtype](whole);
  const numbers = dtype === "float16" ? Float32Array.from(values, (bits) => table[bits]) : values;
  return { shape, scale: scale ?? 1, values: numbers };
}

// The part of an array at an index of its first axes, in its own units.
/** @param {Unpacked} given @param {number[]} index @returns {any} */
export function glPart({ shape, scale, values }, ...index) {
  const size = shape.slice(index.length).reduce((product, side) => product * side, 1);
  const from = size * index.reduce((place, i, axis) => place * shape[axis] + i, 0);
  const part = values.subarray(from, from + size);
  return scale === 1 ? part : Float64Array.from(part, (value) => value * scale);
}

// An array for the kernel, "uint8" or "bool": of the latter one bit per value.
/** @param {Numbers} values @param {string} dtype @param {number[]} [shape] @returns {Packed} */
export function glPacked(values, dtype, shape = [values.length]) {
  if (dtype === "uint8") return { dtype, shape, bytes: values };
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => { if (value) bits[i >> 3] |= 1 << (i & 7); });
  return { dtype, shape, bytes: bits };
}

// Send a message; the bytes of its arrays become its buffers.
/** @param {Model} model @param {any} content */
export function glSend(model, content) {
  const buffers = [], message = { ...content };
  for (const [name, value] of Object.entries(content)) {
    if (value && value.bytes) message[name] = { ...value, bytes: buffers.push(value.bytes) - 1 };
  }
  model.send(message, undefined, buffers);
}
