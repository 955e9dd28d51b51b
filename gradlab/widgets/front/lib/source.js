// Where the picture comes from: a list, a typed path, an upload or a drop. It asks the kernel, and says how that goes.

import { glPhoto } from "./colour.js";
import { GlCombobox } from "./combobox.js";
import { el, glButton, glContext, glHint, glReadout, glTitle } from "./dom.js";
import { glPacked, glSend } from "./wire.js";

const GL_UPLOAD_LIMIT = 25 * 2 ** 20;
export const GL_PATIENCE = 20000;  // ms until silence of the kernel is put into words

// What is being asked of the kernel, what went wrong, and its silence.
export class GlAnswers {
  /** @type {number | undefined} */ timer;

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.status = el("p.gl-status", { role: "status" });
    this.error = el("p.gl-error", { role: "alert" });
  }

  // wait(): the silence begins; say what is awaited.
  /** @param {string} text */
  wait(text) {
    this.settle("");
    this.status.textContent = text;
    this.timer = setTimeout(() => this.settle("The kernel does not answer: is it running?"), GL_PATIENCE);
  }

  /** @param {object} content */
  send(content) {
    try { glSend(this.model, content); }
    catch { this.settle("The kernel cannot be reached."); }
  }

  /** @param {string} text */
  settle(text) {
    this.stop();
    this.status.textContent = "";
    this.error.textContent = text;
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

export class GlSource extends GlAnswers {
  /** @type {Picture | undefined} */ a;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    this.alive = !model.gradlabSaved;
    this.combobox = new GlCombobox({
      name: "picture", label: "Picture: a name or the path of a file",
      options: () => model.get("choices").map((name) => ({ value: name, text: name })),
      choose: (name) => this.ask({ name }), free: (path) => this.ask({ name: path }),
    });
    const file = el("input.gl-hidden", {
      type: "file", accept: "image/*", tabindex: -1, "aria-hidden": "true",
      onchange: () => { this.upload(file.files?.[0]); file.value = ""; },
    });
    const open = glButton("upload", "open a file", () => file.click());
    this.photo = el("canvas.gl-photo", { role: "img" });
    const hint = this.alive ? "or drop one on the photo" : "A saved page: another picture needs a kernel.";
    this.node = el("section.gl-source", glTitle("Picture"), el("div.gl-row", this.combobox.node, open, file),
      glHint(hint), el("div.gl-drop", this.photo), this.status, this.error);
    this.combobox.input.disabled = open.disabled = !this.alive;
    this.drops();
  }

  drops() {
    const { node, alive } = this, over = (event) => { event.preventDefault(); event.stopPropagation(); };
    node.addEventListener("dragover", (event) => { over(event); if (alive) node.classList.add("gl-over"); });
    node.addEventListener("dragleave", () => node.classList.remove("gl-over"));
    node.addEventListener("drop", (event) => {
      over(event);
      node.classList.remove("gl-over");
      if (alive) this.upload(event.dataTransfer?.files[0]);
    });
  }

  // Ask the kernel for another picture, or for what `wanted` says.
  /** @param {any} wanted */
  ask(wanted) {
    this.wait(`reading ${wanted.name} ...`);
    this.send({ kind: "picture", ...wanted });
  }

  /** @param {File | undefined} picked */
  async upload(picked) {
    if (!picked) return;
    if (picked.size > GL_UPLOAD_LIMIT) {
      this.error.textContent = `${picked.name} has ${(picked.size / 2 ** 20).toFixed(0)} MB: at most 25 MB, please.`;
      return;
    }
    try { this.ask({ name: picked.name, upload: glPacked(new Uint8Array(await picked.arrayBuffer()), "uint8") }); }
    catch { this.error.textContent = `${picked.name} cannot be read by the browser.`; }
  }

  // What the widget hears of its model: another answer, and how the kernel is getting on.
  /** @param {() => void} arrived */
  hears(arrived) {
    const { model } = this;
    return {
      "change:answer": arrived,
      "change:busy": () => this.busy(),
      "change:error": () => { if (model.get("error") && this.a) this.show(this.a); },
    };
  }

  busy() {
    const text = this.model.get("busy");
    if (text || !this.timer) this.status.textContent = text;
  }

  /** @param {Picture} a */
  show(a) {
    this.a = a;
    Object.assign(this.photo, { width: a.width, height: a.height });
    glContext(this.photo).drawImage(glPhoto(a), 0, 0);
    this.photo.setAttribute("aria-label", `The picture as the network sees it: ${a.name}`);
    this.combobox.set(a.name);
    this.settle(this.model.get("error"));
  }
}

// What the widgets of one picture share: where it comes from, what is said of it, and when.
export class GlPictureView {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.alive = !model.gradlabSaved;
    /** @type {string[]} */
    this.labels = model.get("labels");
    /** @type {Record<string, number[]>} */
    this.groups = model.get("groups");
    this.source = new GlSource(model);
    this.readout = glReadout();
    /** @type {Stoppable[]} */
    this.stops = [this.source, this.readout];
    this.hears = this.source.hears(() => this.arrived());
  }

  // The answer of the kernel about another picture.
  arrived() {}

  begin() {
    this.arrived();
    this.source.busy();
  }
}
