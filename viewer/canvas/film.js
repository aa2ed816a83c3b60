// The film canvas: one film and its layers on the screen. `show` for every update of Streamlit, `leave` at the end.
//
// What is shown follows from a few values: view (where), look or window (how bright), inverted, layers, hovered and
// picked mark; hand.js changes them and calls `draw`. A new film keeps only what is hidden and the tool; an error keeps
// nothing on the canvas but its sentence.
import { screenTable, windowTable } from "./display.js";
import { Drawing } from "./draw.js";
import { enlist } from "./follow.js";
import { Foresight } from "./foresight.js";
import { fit, resized, toFilm } from "./geometry.js";
import { Hand } from "./hand.js";
import { Heat } from "./heat.js";
import { Layers } from "./layers.js";
import { Link } from "./link.js";
import { drawMarks } from "./marks.js";
import { Minimap } from "./minimap.js";
import { Picture } from "./picture.js";
import { drawRulers, lengthText } from "./ruler.js";
import { FilmStore } from "./store.js";
import { Tools } from "./tools.js";
import { fillLegend, readoutLines, setLines, spoken } from "./words.js";

const PATIENCE = 250; // ms before "Loading" is written: films that come at once shall not flash
const SLOW = 20; // ms; a drag whose frames take longer is drawn from the next coarser level until it ends

const store = new FilmStore();
const canvases = new WeakMap(); // mount point -> FilmCanvas

export function show(component) {
  const place = component.parentElement;
  if (!canvases.has(place)) canvases.set(place, new FilmCanvas(place.querySelector(".film")));
  canvases.get(place).update(component);
}

export function leave(place) {
  canvases.get(place)?.close();
  canvases.delete(place);
}

// Also told when the page moves to a screen with other pixels, where the browser can tell.
function observe(observer, element) {
  try {
    observer.observe(element, { box: "device-pixel-content-box" });
  } catch (error) {
    observer.observe(element);
  }
}

class FilmCanvas {
  constructor(root) {
    this.root = root;
    const part = (name) => root.querySelector(`.${name}`);
    for (const name of ["caption", "readout", "message", "tooltip", "help", "warning", "tools", "legend"]) {
      this[`${name}Box`] = part(name);
    }
    this.sides = { left: part("left"), right: part("right") };
    this.picture = new Picture(part("picture"));
    this.marksContext = part("marks").getContext("2d");
    this.minimap = new Minimap(part("minimap"), (x, y) => this.hand.centre(x, y), () => this.hand.rest());
    this.tools = new Tools(part("tools"), (action) => this.hand.press({ action }));
    Object.assign(this, { address: null, film: null, layers: new Layers(), tool: "window", plain: false, seq: 0, frame: 0,
      cursor: null, unit: 1 });
    this.drawing = new Drawing(this);
    this.link = new Link(this);
    this.foresight = new Foresight();
    this.heat = new Heat(() => this.draw());
    this.#forget();
    this.observer = new ResizeObserver(() => this.#resize());
    observe(this.observer, root);
    this.hand = new Hand(this);
    Object.assign(this, { live: "", turn: 0, said: "" });
    this.dismiss = enlist(this);
  }

  close() {
    this.dismiss();
    this.observer.disconnect();
    this.hand.leave();
    this.link.leave();
    cancelAnimationFrame(this.frame);
    this.#forget();
  }

  // ---- from Streamlit

  update({ data, setStateValue, setTriggerValue }) {
    this.send = {
      picked: (value) => setStateValue("picked", value), plain: (value) => setStateValue("plain", value),
      step: (value) => setTriggerValue("step", value), wanted: (value) => setTriggerValue("wanted", value),
      drawn: (value) => setStateValue("drawn", value), boxed: (value) => setTriggerValue("boxed", value),
      unit: data.tells ? (value) => setStateValue("unit", value) : null,
    };
    if (this.foresight.passesOver(data)) return;
    this.root.style.height = data.height;
    this.#follows(data.live);
    const changed = this.#takeLayers(data.kinds, data.layers);
    this.heat.take(data.heat);
    this.link.take(data.link);
    setLines(this.captionBox, data.caption);
    this.hand.heard(data.heard, data.film?.id ?? "");
    const drawn = this.drawing.take(data.drawing);
    this.wish = data.pick;
    const wanted = JSON.stringify([data.problem, data.film]);
    if (wanted === this.wanted) this.#settle(changed || drawn);
    else if (data.problem) this.#fail(data.problem, data.film);
    else this.#open(data.film);
    this.wanted = wanted;
    this.foresight.take(data.ahead);
    store.wantAhead(data.ahead.map(({ film }) => film.url));
  }

  // What the server says of a slider that is dragged: see follow.js. What readers drew stays where it is.
  follow({ layers }) {
    const stay = this.layers.layers.filter(({ kind }) => kind === "readers");
    if (this.#takeLayers(this.layers.kinds, [...layers, ...stay])) this.draw();
  }

  #follows(live) {
    this.live = live;
    this.turn += 1;
  }

  // Whether there is anything new to draw.
  #takeLayers(kinds, layers) {
    const before = this.said;
    this.layers.take(kinds, layers);
    this.said = JSON.stringify([kinds, layers]);
    return this.said !== before;
  }

  // Show the film `by` steps on at once, if it is decoded, while the step `serial` is on its way to Python.
  foresee(by, serial) {
    const film = this.link.group === null ? this.foresight.film(by) : null;
    if (!film || !store.holds(film.url)) return;
    this.foresight.wait(this.address?.id ?? "", serial);
    this.#follows("");
    this.#takeLayers(this.layers.kinds, []);
    this.heat.take(null);
    this.drawing.take(null);
    setLines(this.captionBox, [film.id]);
    this.wish = "";
    this.wanted = JSON.stringify(["", film]);
    this.#open(film);
  }

  // Python has answered with the film that is shown.
  #settle(changed) {
    const foreseen = this.root.dataset.state === "foreseen";
    if (foreseen) {
      this.#say("ready", "");
      if (this.wish) this.hand.choose(this.wish);
    }
    if (foreseen || changed) this.draw();
  }

  async #open(address) {
    this.#forget();
    this.address = address;
    this.#say("loading", "");
    this.timer = setTimeout(() => this.#say("loading", "Loading the film …"), PATIENCE);
    let film, problem;
    try {
      film = await store.want(address.url);
    } catch (error) {
      problem = error.message;
    }
    if (this.address !== address) return; // the reader has moved on
    clearTimeout(this.timer);
    const { width, height } = film?.header ?? {};
    if (film && (width !== address.width || height !== address.height)) {
      problem = `The film has ${width} x ${height} pixels, but its boxes are for ${address.width} x ${address.height}: ` +
        "index the data set again.";
    }
    if (problem) return void this.#fail(problem, address);
    this.film = film;
    this.view = fit(this.picture.canvas, film.levels[0]);
    if (!this.seq) this.link.adopt();
    for (const [side, box] of Object.entries(this.sides)) box.textContent = film.header.sides?.[side] ?? "";
    this.#say(this.foresight.waits ? "foreseen" : "ready", "");
    if (this.wish) this.hand.choose(this.wish);
    this.draw();
  }

  #fail(problem, address = null) {
    this.#forget();
    this.address = address;
    this.#say("error", problem);
  }

  // Nothing of the last film stays: not its pixels, boxes, letters, window or hover.
  #forget() {
    clearTimeout(this.timer);
    if (this.address?.url && !this.film) store.unwant(this.address.url);
    Object.assign(this, {
      film: null, address: null, view: null, look: 0, window: null, inverted: false, placed: [], hovered: null,
      picked: null, rulers: [], stretching: false, words: null, local: false, edge: false, coarse: 0, dragging: false,
      hurry: false, stale: true,
    });
    this.picture.clear();
    this.minimap.clear();
    this.marksContext.setTransform(1, 0, 0, 1, 0, 0);
    this.marksContext.clearRect(0, 0, this.marksContext.canvas.width, this.marksContext.canvas.height);
    for (const side of Object.values(this.sides)) side.textContent = "";
    for (const box of [this.readoutBox, this.legendBox]) box.replaceChildren();
    this.tooltipBox.hidden = true;
  }

  #say(state, message) {
    this.messageBox.textContent = message;
    Object.assign(this.root.dataset, { state, film: this.address?.id ?? "", boxes: "0", rulers: "" });
    if (state !== "ready") this.root.setAttribute("aria-label", message || "Film");
  }

  // ---- drawing

  // `onlyGrey`: no mark has moved or changed, so their canvas stays as it is.
  draw(onlyGrey = false) {
    this.stale ||= !onlyGrey;
    if (this.film && !this.frame) this.frame = requestAnimationFrame(() => this.#paint());
  }

  // What `draw` has asked for, without waiting for the next frame; for those who are in a frame already.
  drawNow() {
    if (!this.frame) return;
    cancelAnimationFrame(this.frame);
    this.#paint();
  }

  #paint() {
    this.frame = 0;
    if (!this.film || !this.size) return;
    const started = performance.now();
    this.words ??= screenTable(this.#table(), this.inverted, this.film.header.padding);
    const { coarse, hurry, local, edge } = this;
    const { padding } = this.film.header;
    this.picture.paint(this.film.levels, this.view, this.words, { coarse, hurry, local, edge, padding });
    this.minimap.paint(this.film.levels, this.words, this.view, this.picture.canvas);
    if ((this.dragging || this.hurry) && performance.now() - started > SLOW) this.coarse = 1;
    this.writeReadout(); // before the marks, whose labels keep it free
    if (this.stale) this.#paintMarks();
    this.#tell();
  }

  #paintMarks() {
    this.stale = false;
    const marks = this.layers.marks();
    const heat = this.layers.shows("heat") ? this.heat : null;
    fillLegend(this.legendBox, [...this.layers.legend(), ...(heat?.legend() ?? [])]);
    const { hovered, picked } = this;
    const { unit } = this, density = this.density * unit;
    const size = { width: this.size.width / unit, height: this.size.height / unit };
    this.placed = drawMarks(this.marksContext, marks, this.view, size, density, { hovered, picked }, this.#taken());
    heat?.paint(this.marksContext, this.view, this.film.levels[0]);
    drawRulers(this.marksContext, this.rulers, this.film.header, this.view, size, density);
    this.drawing.paint(this.marksContext, this.view, density);
    const lengths = this.rulers.map((ruler) => lengthText(ruler, this.film.header));
    this.root.dataset.rulers = lengths.join("; ");
    this.root.setAttribute("aria-label", this.drawing.spoken() + spoken(this.address.id, this.film.header, marks, lengths));
  }

  #table() {
    const { inverted, tables } = this.manner;
    if (!this.window) return tables[this.look];
    return windowTable(this.film.modality, this.window, inverted, this.film.header.padding);
  }

  // How the film is shown, one of its manners: see unpack.js. Null without a film.
  get manner() {
    return this.film && this.film.manners[this.plain ? this.film.manners.length - 1 : 0];
  }

  #tell() {
    this.tools.tell(this);
    this.seq += 1;
    const { window: shown } = this;
    Object.assign(this.root.dataset, {
      seq: this.seq, boxes: this.placed.length, look: this.look, inverted: this.inverted, zoom: this.view.zoom,
      window: shown ? `${shown.center}/${shown.width}` : "", picked: this.picked ?? "", hovered: this.hovered ?? "",
      hurry: this.hurry, tool: this.tool, local: this.local, edge: this.edge, plain: this.plain && this.film.manners.length > 1,
      linked: this.link.group === null ? "" : this.link.window ? "window" : "view",
      ...Object.fromEntries(this.layers.kinds.map(({ kind }) => [kind, this.layers.shows(kind)])),
    });
  }

  writeReadout() {
    if (this.film) setLines(this.readoutBox, readoutLines(this, this.#pointUnder()));
  }

  #taken() {
    const frame = this.root.getBoundingClientRect();
    const boxes = [this.captionBox, this.readoutBox, this.warningBox, this.toolsBox, this.minimap.canvas, this.legendBox];
    return boxes.map((box) => {
      const { left, top, right, bottom } = box.getBoundingClientRect();
      return [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top].map((place) => place / this.unit);
    });
  }

  #resize() {
    const density = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.root;
    const { canvas } = this.picture;
    const before = { width: canvas.width, height: canvas.height };
    const after = { width: Math.max(1, Math.round(width * density)), height: Math.max(1, Math.round(height * density)) };
    const change = density / (this.density ?? density);
    const unit = Number(getComputedStyle(this.root).getPropertyValue("--scale")) || 1; // CSS pixels to one of the marks'
    if (unit !== this.unit) this.send?.unit?.(unit);
    this.unit = unit;
    Object.assign(this, { size: { width, height }, density });
    for (const one of [canvas, this.marksContext.canvas]) Object.assign(one, after);
    this.picture.clear();
    this.stale = true;
    if (this.film) this.view = resized(this.view, before, after, this.film.levels[0], change);
    this.#paint();
  }

  #pointUnder() {
    if (!this.cursor || !this.film) return null;
    const [x, y] = toFilm(this.view, ...this.cursor.map((p) => p * this.density)).map(Math.floor);
    const { width, height } = this.film.header;
    return x >= 0 && y >= 0 && x < width && y < height ? [x, y] : null;
  }
}
