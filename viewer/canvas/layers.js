// The layers of a canvas: what the reader has asked for, and what of it is hidden for the moment. Draws nothing.

const ORDER = ["candidates", "sources", "truth", "detections", "readers"]; // from the lowest to the topmost

export class Layers {
  constructor() {
    Object.assign(this, { kinds: [], layers: [], hidden: new Set(), aiHidden: false });
  }

  // `kinds` are those that the canvas may show, `chosen` or not, as Python tells them; one chosen anew is not hidden.
  take(kinds, layers) {
    for (const { kind, chosen, ai } of kinds) {
      const before = this.kinds.find((each) => each.kind === kind);
      if (!chosen || !before || before.chosen) continue;
      this.hidden.delete(kind);
      if (ai) this.aiHidden = false;
    }
    this.kinds = kinds;
    this.layers = [...layers].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  }

  has(kind) {
    return this.kinds.some((each) => each.kind === kind && each.chosen);
  }

  shows(kind) {
    const ai = this.kinds.find((each) => each.kind === kind)?.ai;
    return this.has(kind) && !this.hidden.has(kind) && !(ai && this.aiHidden);
  }

  toggle(kind) {
    const asked = this.kinds.find((each) => each.kind === kind);
    if (asked.ai && this.aiHidden) {
      this.aiHidden = false;
      this.hidden = new Set(this.kinds.filter((each) => (each.ai && each !== asked) || this.hidden.has(each.kind))
        .map((each) => each.kind));
      this.hidden.delete(kind);
    } else if (!this.hidden.delete(kind)) this.hidden.add(kind);
  }

  showsAi() {
    return this.kinds.some((each) => each.ai && this.shows(each.kind));
  }

  // Hide all of the AI, or bring all of it back.
  hideAi(hide) {
    this.aiHidden = hide;
    if (!hide) for (const { kind, ai } of this.kinds) if (ai) this.hidden.delete(kind);
  }

  hideAs({ hidden, aiHidden }) {
    Object.assign(this, { hidden: new Set(hidden), aiHidden });
  }

  // The marks to draw, lowest first: [{...mark, kind, number, layer}].
  marks() {
    return this.layers.filter(({ kind }) => this.shows(kind)).flatMap(({ kind, number, name, marks }) =>
      marks.map((mark) => ({ ...mark, kind, number: number ?? null, layer: name })));
  }

  // [{kind, number, name}] of the named layers on show.
  legend() {
    return this.layers.filter(({ kind, name }) => name && this.shows(kind));
  }

  // What is hidden, in words, with the key that brings it back.
  hiddenNames() {
    const ai = this.aiHidden ? ["AI hidden (a)"] : [];
    const others = this.kinds.filter((each) => each.chosen && this.hidden.has(each.kind) && !(each.ai && this.aiHidden));
    return [...ai, ...others.map(({ name, key }) => `${name.toLowerCase()} hidden (${key})`)];
  }
}
