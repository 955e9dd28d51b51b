// What the reader has chosen, kept in traits: every view shows it, a saved page keeps it, and Python can set it.

const GL_QUIET = 300;  // ms without another change until Python is told

// changed(names): some of the traits in `names` are others than before.
export class GlChoices {
  /** @param {Model} model @param {string[]} names @param {(names: Set<string>) => void} changed */
  constructor(model, names, changed) {
    this.model = model;
    this.names = names;
    /** @type {Set<string>} */
    const waiting = new Set();
    /** @type {Record<string, () => void>} */
    this.hears = {};
    for (const name of names) {
      this.hears[`change:${name}`] = () => {
        // all that changes together is shown together
        if (!waiting.size) queueMicrotask(() => { const some = new Set(waiting); waiting.clear(); changed(some); });
        waiting.add(name);
      };
    }
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {string} name */
  get(name) { return this.model.get(name); }

  // What was chosen, as one object.
  all() { return Object.fromEntries(this.names.map((name) => [name, this.get(name)])); }

  /** @param {Props} change */
  set(change) {
    for (const [name, value] of Object.entries(change)) this.model.set(name, value);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.stop(), GL_QUIET);
  }

  reset() { this.set(this.model.get("initial")); }

  // Without a kernel nobody needs to be told: the page itself knows.
  stop() {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    // eslint-disable-next-line no-restricted-properties -- here, and nowhere else
    try { this.model.save_changes(); } catch { /* the kernel is gone */ }
  }
}
