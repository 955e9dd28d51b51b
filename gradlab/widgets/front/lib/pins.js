// Keeping what is on the screen: the three panels as one picture, pinned below or saved as a file.

import { el, glButton, glContext } from "./dom.js";
import { GL_SIDE } from "./panel.js";

/** @param {any[]} panels @param {string} sentence */
export function glCompose(panels, sentence) {
  const side = GL_SIDE, gap = 16, head = 64, foot = 30, bar = 30;
  const canvas = document.createElement("canvas");
  canvas.width = panels.length * side + (panels.length + 1) * gap;
  canvas.height = head + panels[0].background.height + bar + 2 * foot + 2 * gap;
  const context = glContext(canvas);
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#1a1a1a";
  panels.forEach((panel, i) => {
    const x = gap + i * (side + gap);
    context.font = "600 18px sans-serif";
    glLines(context, panel.view.title, side).forEach((line, k) => context.fillText(line, x, 28 + 23 * k));
    context.drawImage(panel.canvas, x, head);
    context.font = "15px sans-serif";
    const below = head + panel.background.height;
    glBarOf(context, panel.legend, x, below + bar, side);
    context.fillText(panel.hottest.textContent, x, below + bar + foot, side);
  });
  context.font = "15px sans-serif";
  context.fillText(sentence, gap, canvas.height - gap, canvas.width - 2 * gap);
  return canvas;
}

// The colours between the two values at their ends.
/**
 * @param {Context} context @param {{ parts: any[] }} legend @param {number} x @param {number} y @param {number} side
 */
function glBarOf(context, { parts: [low, strip, high] }, x, y, side) {
  const [left, right] = [low, high].map((each) => context.measureText(each.textContent).width + 8);
  context.fillText(low.textContent, x, y);
  context.drawImage(strip, x + left, y - 11, side - left - right, 11);
  context.fillText(high.textContent, x + side - right + 8, y);
}

// At most two lines; what does not fit is cut with an ellipsis.
/** @param {Context} context @param {string} text @param {number} width */
export function glLines(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.length > 2 ? [lines[0], `${lines[1]} ...`] : lines;
}

export function glPins() {
  const node = el("div.gl-pins");
  return {
    node,
    add(canvas, sentence) {
      const figure = el("figure.gl-pin",
        el("img", { src: canvas.toDataURL("image/png"), alt: sentence }),
        el("figcaption", sentence, " ", glButton("unpin", "remove", () => figure.remove())));
      node.append(figure);
    },
  };
}

/** @param {HTMLCanvasElement} canvas @param {string} name */
export function glSaveAs(canvas, name) {
  const link = el("a", { href: canvas.toDataURL("image/png"), download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
