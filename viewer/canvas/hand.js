// What the reader does to a canvas, by pointer and by key; the only place that changes how a film is shown.
import { dragged, windowOfTable } from "./display.js";
import { centredAt, fit, panBy, toFilm, zoomAt, zoomTo } from "./geometry.js";
import { Glide } from "./glide.js";
import { fillHelp } from "./help.js";
import { mount, unmount, use } from "./keys.js";
import { markAt } from "./marks.js";
import { watchPointer } from "./pointer.js";
import { setLines, tooltipLines } from "./words.js";

const STILL = 160; // ms without a turn of the wheel until the film is drawn sharply
const ZOOMS = { closer: (zoom) => zoom * 1.25, farther: (zoom) => zoom * 0.8, single: () => 1, double: () => 2 };

export class Hand {
  constructor(canvas) {
    this.canvas = canvas;
    this.asked = { film: "", moves: [], serial: 0 }; // steps asked for and not answered yet
    this.glide = new Glide(canvas, (factor, x, y) => this.zoom(factor, x, y));
    watchPointer(canvas.root, this);
    mount(this);
  }

  leave() {
    clearTimeout(this.still);
    this.glide.stop();
    unmount(this);
  }

  // ---- keys (keys.js): true when the key did something

  press({ step, action, number, kind }, repeated) {
    if (step) return this.#step(step, repeated);
    if (!this.canvas.film && !["ai", "layer", "help", "escape"].includes(action)) return false;
    if (action === "layer") return this.#layer(kind, repeated);
    if (action === "escape") return this.#escape();
    if (action === "look") return this.#look(number);
    if (action === "remove") return this.canvas.drawing.remove();
    if (action === "unlink" && this.canvas.link.group === null) return false;
    if (action === "box" && !this.canvas.drawing.possible) return false;
    if (Object.hasOwn(ZOOMS, action)) return this.#zoomAtCursor(ZOOMS[action](this.canvas.view.zoom));
    this[action]();
    return true;
  }

  // What the key of a layer means, null for a key that is none's.
  layerOf(key) {
    const found = this.#all().flatMap(({ layers }) => layers.kinds).find((each) => each.key === key);
    return found ? { action: "layer", kind: found.kind } : null;
  }

  // Steps add up until they are answered, so that quick presses are not lost while Python is busy.
  #step(step, repeated) {
    const { moves, serial } = this.asked;
    if (repeated && moves.length) return true;
    const film = moves.length ? this.asked.film : this.canvas.address?.id ?? "";
    this.asked = { film, moves: [...moves, step], serial: serial + 1 };
    this.canvas.send.step({ ...this.asked });
    this.canvas.foresee(this.asked.moves.reduce((sum, each) => sum + each), this.asked.serial);
    return true;
  }

  // Python has answered the steps up to that serial number, maybe with the same film at the end of the list; or, 0, it
  // has gone on to another film for another reason.
  heard(serial, film) {
    if (serial >= this.asked.serial || (serial === 0 && film !== this.asked.film)) this.asked.moves = [];
  }

  // A layer that the canvas has not got is asked for.
  #layer(kind, repeated) {
    const all = this.#all(), owner = all.find(({ layers }) => layers.has(kind));
    if (owner) {
      owner.layers.toggle(kind);
      for (const each of all) each.layers.hideAs(owner.layers);
    } else if (!repeated) this.canvas.send.wanted(kind);
    for (const each of all) each.draw();
    return true;
  }

  ai() {
    const all = this.#all(), hide = all.some(({ layers }) => layers.showsAi());
    for (const each of all) {
      each.layers.hideAi(hide);
      each.draw();
    }
  }

  // This canvas and those that are linked with it.
  #all() {
    return [this.canvas, ...this.canvas.link.others];
  }

  unlink() {
    this.canvas.link.toggleWindow();
  }

  #escape() {
    const { helpBox, picked, rulers } = this.canvas;
    if (helpBox.hidden && !picked && !rulers.length) return false;
    if (!helpBox.hidden) this.help();
    else if (picked) this.choose(null);
    else this.#measure(rulers.slice(0, -1));
    return true;
  }

  #look(number) {
    const { look, window, manner: { presets } } = this.canvas;
    const group = presets[number] ?? [];
    if (!group.length) return false;
    const next = window ? 0 : (group.indexOf(look) + 1) % group.length;
    this.#bright({ look: group[next], window: null });
    return true;
  }

  // With the tables of the film's maker, or without; for this film and those that follow.
  vendor() {
    const { canvas } = this;
    canvas.send.plain(!canvas.plain);
    this.#bright({ plain: !canvas.plain, look: 0, window: null });
  }

  #zoomAtCursor(zoom) {
    const { cursor, size, density, picture, film, view } = this.canvas;
    const [x, y] = (cursor ?? [size.width / 2, size.height / 2]).map((one) => one * density);
    this.#move(zoomTo(view, zoom, x, y, picture.canvas, film.levels[0]));
    return true;
  }

  reset() {
    if (!this.canvas.film) return;
    this.#bright({ look: 0, window: null, inverted: false, local: false, edge: false });
    this.fit();
  }

  fit() {
    this.#move(fit(this.canvas.picture.canvas, this.canvas.film.levels[0]));
  }

  invert() {
    this.#bright({ inverted: !this.canvas.inverted });
  }

  local() {
    this.#bright({ local: !this.canvas.local });
  }

  edge() {
    this.#bright({ edge: !this.canvas.edge });
  }

  tool() {
    this.#hold("zoom");
  }

  box() {
    this.#hold("draw");
  }

  ruler() {
    this.#hold("ruler");
  }

  help() {
    const { canvas } = this;
    canvas.helpBox.hidden = !canvas.helpBox.hidden;
    fillHelp(canvas.helpBox, canvas);
  }

  // ---- pointer (pointer.js), CSS pixels

  enter() {
    use(this);
  }

  hover(x, y) {
    const { canvas } = this;
    canvas.cursor = x === null ? null : [x, y];
    const mark = canvas.film && canvas.cursor ? this.#under(x, y) : null;
    canvas.tooltipBox.hidden = !mark;
    if (mark) setLines(canvas.tooltipBox, tooltipLines(mark)); // in a corner: never over what is read
    if ((mark?.id ?? null) === canvas.hovered) return canvas.writeReadout();
    canvas.hovered = mark?.id ?? null;
    return canvas.draw();
  }

  pick(x, y) {
    if (this.canvas.film && !this.canvas.drawing.pick(x, y)) this.choose(this.#under(x, y)?.id ?? null);
  }

  #under(x, y) {
    const { placed, unit } = this.canvas;
    return markAt(placed, x / unit, y / unit);
  }

  // Picks the mark of this id, null for none.
  choose(id) {
    const { canvas } = this;
    if (id === canvas.picked) return;
    canvas.picked = id;
    canvas.send.picked(id === null ? null : { film: canvas.address.id, mark: id });
    canvas.draw();
  }

  // By dx, dy since the last call; the drag began at `from` and is now at `to`.
  drag(dx, dy, from, to) {
    const { canvas } = this;
    if (!canvas.film) return;
    if (canvas.tool === "draw") return canvas.drawing.stretch(from, to);
    if (canvas.tool === "ruler") return this.#stretch(from, to);
    canvas.dragging = true;
    if (canvas.tool === "zoom") this.zoom(Math.exp(-dy * 0.008), canvas.size.width / 2, canvas.size.height / 2);
    else this.#bright({ window: dragged(canvas.window ?? this.windowOf(canvas.look), dx, dy, this.windowOf(0).width) });
  }

  pan(dx, dy) {
    const { canvas } = this;
    if (!canvas.film) return;
    const { density, picture, view, film } = canvas;
    this.#move(panBy(view, dx * density, dy * density, picture.canvas, film.levels[0]));
  }

  // From the minimap: the film's point (x, y) into the middle.
  centre(x, y) {
    const { canvas } = this;
    canvas.dragging = true;
    this.#move(centredAt(canvas.view, x, y, canvas.picture.canvas, canvas.film.levels[0]));
  }

  // The drag or the turn of the wheel has ended: draw what was left coarse sharply.
  rest() {
    this.canvas.drawing.end();
    Object.assign(this.canvas, { dragging: false, stretching: false });
    this.#settle();
  }

  #settle() {
    if (!this.canvas.dragging) Object.assign(this.canvas, { hurry: false, coarse: 0 });
    if (!this.canvas.dragging) this.canvas.link.settle();
    this.canvas.draw();
  }

  wheel(factor, x, y) {
    this.glide.push(factor, x, y);
  }

  zoom(factor, x, y) {
    const { film, view, density, picture } = this.canvas;
    if (!film) return;
    this.canvas.hurry = true;
    clearTimeout(this.still);
    this.still = setTimeout(() => this.#settle(), STILL);
    this.#move(zoomAt(view, factor, x * density, y * density, picture.canvas, film.levels[0]));
  }

  // ----

  #bright(change) {
    Object.assign(this.canvas, change, { words: null });
    this.canvas.link.bright();
    this.canvas.draw(true);
  }

  #move(view) {
    this.canvas.view = view;
    this.canvas.link.move();
    this.canvas.draw();
  }

  // The tool of the left drag: this one, or window and level again.
  #hold(tool) {
    this.canvas.tool = this.canvas.tool === tool ? "window" : tool;
    this.canvas.draw();
  }

  #stretch(from, to) {
    const { canvas } = this;
    const ends = [from, to].flatMap((point) => toFilm(canvas.view, ...point.map((one) => one * canvas.density)));
    const others = canvas.stretching ? canvas.rulers.slice(0, -1) : canvas.rulers;
    canvas.stretching = true;
    this.#measure([...others, ends]);
  }

  #measure(rulers) {
    this.canvas.rulers = rulers;
    this.canvas.draw();
  }

  windowOf(look) {
    const { film: { modality, levels }, manner: { looks, tables } } = this.canvas;
    return looks[look].window ?? windowOfTable(tables[look], modality, levels.at(-1).pixels);
  }
}
