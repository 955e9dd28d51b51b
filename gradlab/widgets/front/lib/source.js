// Where the picture comes from: a list, a typed path, an upload or a drop. It asks the kernel, and says how that goes.

import { glPhoto } from "./colour.js";
import { GlCombobox } from "./combobox.js";
import { el, glButton, glContext, glHint, glReadout, glTitle } from "./dom.js";
import { glFitting } from "./upload.js";
import { glPacked, glSend } from "./wire.js";

export const GL_PATIENCE = 20000;  // ms until silence of the kernel is put into words
export const GL_SILENT = "The kernel does not answer: it is busy, or was stopped. If it was, run this cell again.";
const GL_DROP = "or drop one on the photo";
const GL_GONE = "The kernel was restarted: run this cell again.";

// What is being asked of the kernel, what went wrong, and its silence.
export class GlAnswers {
  /** @type {number | undefined} */ timer;

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.status = el("p.gl-status", { role: "status" });
    this.error = el("p.gl-error", { role: "alert" });
    this.gone = false;
  }

  // wait(): the silence begins; say what is awaited.
  /** @param {string} text */
  wait(text) {
    this.settle("");
    this.status.textContent = text;
    this.timer = setTimeout(() => { this.settle(GL_SILENT); this.back(); }, GL_PATIENCE);
  }

  // What was asked is not answered, or not yet: the fields say again what is shown.
  back() {}

  // The one way to the kernel; false where it leads nowhere any more.
  /** @param {object} content */
  send(content) {
    try { if (!this.gone) glSend(this.model, content); }
    catch { this.gone = true; }
    if (this.gone) this.lost();
    return !this.gone;
  }

  // The kernel that this widget came from is no more. What was asked of it stays unanswered.
  lost() {
    this.gone = true;
    this.settle(GL_GONE);
    this.back();
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
    this.hint = glHint(this.alive ? GL_DROP : "A saved page: another picture needs a kernel.");
    this.turn = 0;  // of what was asked: a large file that is overtaken while it shrinks is not sent
    this.node = el("section.gl-source", glTitle("Picture"), el("div.gl-row", this.combobox.node, open, file),
      this.hint, el("div.gl-drop", this.photo), this.status, this.error);
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
  /** @param {any} wanted @param {string} [note] */
  ask(wanted, note = "") {
    this.turn += 1;
    this.hint.textContent = note || GL_DROP;
    this.wait(`reading ${wanted.name} ...`);
    this.combobox.set(wanted.name);
    this.send({ kind: "picture", ...wanted });
  }

  back() {
    if (this.a) this.combobox.set(this.a.name);
  }

  /** @param {File | undefined} picked */
  async upload(picked) {
    if (!picked) return;
    this.wait(`reading ${picked.name} ...`);
    const turn = (this.turn += 1), { bytes, note } = await glFitting(picked);
    if (turn !== this.turn) return;
    if (bytes) this.ask({ name: picked.name, upload: glPacked(bytes, "uint8") }, note);
    else this.settle(note);
  }

  // What the widget hears of its model: another answer, and how the kernel is getting on.
  /** @param {() => void} arrived */
  hears(arrived) {
    const { model } = this;
    return {
      "change:answer": arrived,
      "change:busy": () => this.busy(),
      comm_live_update: () => this.lost(),  // ipywidgets says so once: when the kernel is restarted or stopped
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
