// What the introspection widget says of its panels.

import { glShort } from "./contrast_charts.js";
import { glFixed, glProbability } from "./numbers.js";

export const GL_LOSSES = {
  ce: "cross entropy: the sum of all panels", mse: "mean squared error of the logits", bce: "binary cross entropy",
};
export const GL_HINTS = {
  rows: "One line per class, one column per unit of h: the gradient (p − e_Q) hᵀ by the last layer’s weights, if Q " +
    "were the label. A step down the loss raises the blue weights and lowers the orange ones. For Q = P hardly any " +
    "would have to change: the dashed panel is nearly empty while the network is sure.",
  picture: "The same gradient pulled back to the picture: Σ p_c L^c − L^Q, where L^c is the Grad-CAM map of class c.",
  noise: "A contrast never has more than 2 effective rows, whatever p is: row Q holds half of the squared length or " +
    "more. What grows with doubt is how many rows share the rest.",
};

/** @param {Digit} digit @param {Level} at @param {string[]} labels @param {number} noise @param {Sparsity} kept */
export function glSparsityText(digit, at, labels, noise, kept) {
  const wrong = digit.truth !== null && digit.truth !== at.said
    ? `, and that is wrong: it is ${labels[digit.truth]}` : "";
  const sure = kept.sure > 0.9 && kept.held < 2.5
    ? "Sparse: the network is sure" : "More rows take part: the network is not sure";
  return `Noise ${noise}: it says ${labels[at.said]} with ${glProbability(kept.sure)}${wrong}. ` +
    `${wrong && kept.sure > 0.9 ? "Sparse all the same: sparsity tells how sure it is, not how right" : sure}. ` +
    `The other panels have ${glFixed(kept.effective, 2)} effective rows on average, ${glFixed(kept.held, 1)} hold ` +
    `99 %; rather than ${labels[at.said]} itself is ${glShort(kept.share)} times as long. Cosine between two of the ` +
    `others: ${glFixed(kept.cosine, 2)} on average.`;
}
