// Where the picture comes from: a list, a typed path, an upload or a drop. The only part that talks to the kernel.

import { glPhoto } from "./colour.js";
import { glCombobox } from "./combobox.js";
import { glButton, glNode } from "./dom.js";
import { glPacked, glSend } from "./wire.js";

const GL_UPLOAD_LIMIT = 25 * 2 ** 20;
export const GL_PATIENCE = 20000;  // ms until silence of the kernel is put into words

export function glSource(model) {
  const alive = !model.gradlabSaved;
  const status = glNode("p", { class: "gl-status", role: "status" });
  const error = glNode("p", { class: "gl-error", role: "alert" });
  const combobox = glCombobox({
    name: "picture", label: "Picture: a name or the path of a file",
    options: () => model.get("choices").map((name) => ({ value: name, text: name })),
    choose: (name) => ask({ name }), free: (path) => ask({ name: path }),
  });
  const file = glNode("input",
    { type: "file", accept: "image/*", class: "gl-hidden", tabindex: -1, "aria-hidden": "true" });
  const open = glButton("upload", "open a file", () => file.click());
  const photo = glNode("canvas", { class: "gl-photo", role: "img" });
  const hint = glNode("p", { class: "gl-hint" }, "or drop one on the photo");
  const node = glNode("section", { class: "gl-source" },
    glNode("h3", { class: "gl-title" }, "Picture"),
    glNode("div", { class: "gl-row" }, combobox.node, open, file), hint,
    glNode("div", { class: "gl-drop" }, photo), status, error);
  let timer = null;

  const settle = () => { clearTimeout(timer); timer = null; };
  // Ask the kernel for another picture, or for what `wanted` says.
  const ask = (wanted) => {
    error.textContent = "";
    status.textContent = `reading ${wanted.name} ...`;
    settle();
    timer = setTimeout(() => {
      status.textContent = "";
      error.textContent = "The kernel does not answer: is it running?";
    }, GL_PATIENCE);
    try {
      glSend(model, { kind: "picture", ...wanted });
    } catch {
      settle();
      status.textContent = "";
      error.textContent = "The kernel cannot be reached.";
    }
  };
  const upload = async (picked) => {
    if (!picked) return;
    if (picked.size > GL_UPLOAD_LIMIT) {
      error.textContent = `${picked.name} has ${(picked.size / 2 ** 20).toFixed(0)} MB: at most 25 MB, please.`;
      return;
    }
    try { ask({ name: picked.name, upload: glPacked(new Uint8Array(await picked.arrayBuffer()), "uint8") }); }
    catch { error.textContent = `${picked.name} cannot be read by the browser.`; }
  };
  file.addEventListener("change", () => { upload(file.files[0]); file.value = ""; });
  glDrop(node, upload, alive);
  if (!alive) {
    combobox.disable();
    open.disabled = true;
    hint.textContent = "A saved page: another picture needs a kernel.";
  }
  return {
    node, ask,
    show(a) {
      photo.width = a.width;
      photo.height = a.height;
      photo.getContext("2d").drawImage(glPhoto(a), 0, 0);
      photo.setAttribute("aria-label", `The picture as the network sees it: ${a.name}`);
      combobox.set(a.name);
    },
    busy(text) { if (text || !timer) status.textContent = text; },
    settle(text) { settle(); status.textContent = ""; error.textContent = text; },
    stop: settle,
  };
}

function glDrop(node, upload, alive) {
  const over = (event) => { event.preventDefault(); event.stopPropagation(); };
  node.addEventListener("dragover", (event) => { over(event); if (alive) node.classList.add("gl-over"); });
  node.addEventListener("dragleave", () => node.classList.remove("gl-over"));
  node.addEventListener("drop", (event) => {
    over(event);
    node.classList.remove("gl-over");
    if (alive) upload(event.dataTransfer.files[0]);
  });
}
