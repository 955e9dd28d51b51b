// A file of the reader's, small enough for the way to the kernel: JupyterLab closes a connection at messages of 10 MB.

const GL_SENT = 6 * 2 ** 20, GL_LONGEST = 2048;  // bytes, and pixels of the longer side of what was too large

/** @param {number} bytes */
function glMegabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}

// The bytes to send, and what was done to them, or why that could not be.
/** @param {File} file @returns {Promise<{ bytes?: Uint8Array, note: string }>} */
export async function glFitting(file) {
  try {
    if (file.size <= GL_SENT) return { bytes: new Uint8Array(await file.arrayBuffer()), note: "" };
  } catch { return { note: `${file.name} cannot be read by the browser.` }; }
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  const large = `${file.name} has ${glMegabytes(file.size)}`;
  if (!picture) return { note: `${large} and the browser cannot shrink it: at most ${glMegabytes(GL_SENT)}, please.` };
  const { width, height } = picture, by = Math.min(1, GL_LONGEST / Math.max(width, height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * by)));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: w, height: h });
  const context = /** @type {Context} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#ffffff";  // JPEG knows no transparency
  context.fillRect(0, 0, w, h);
  context.drawImage(picture, 0, 0, w, h);
  let blob = null;
  for (const quality of [0.92, 0.7, 0.4]) {
    blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", quality); });
    if (!blob || blob.size <= GL_SENT) break;
  }
  if (!blob) return { note: `${large} and the browser cannot shrink it.` };
  return { bytes: new Uint8Array(await blob.arrayBuffer()), note: by < 1
    ? `${file.name}: shrunk from ${width} × ${height} to ${w} × ${h} pixels` : `${file.name}: sent as JPEG` };
}
