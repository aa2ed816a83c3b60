// Boxes that the reader draws on the film by left drag while the tool is "draw": those of a first read, which are only
// shown once they are `fixed`, each with the words that Python gives it; or, with a `purpose`, one at a time, which is
// told with the mark that is picked and then Python's to show. Boxes are [x0, y0, x1, y1] in film pixels.
import { toCanvas, toFilm } from "./geometry.js";

const COLOR = "#e6c3ff"; // no verdict's
const HALO = "rgba(0, 0, 0, .8)";
const LEAST = 4; // CSS pixels a side: less is no box but a slip of the hand

export class Drawing {
  constructor(canvas) {
    this.canvas = canvas;
    Object.assign(this, { offered: false, fixed: false, purpose: "", boxes: [], words: [], chosen: null, film: null, open: null,
      told: null, said: "null" });
  }

  // From Python: null, or {film, boxes, words, fixed, purpose}. While the reader draws, what is drawn here is newer than
  // that. Whether there is anything new to draw.
  take(given) {
    const before = this.said, told = this.told !== null;
    const drawing = Boolean(given) && !given.fixed;
    const kept = drawing && this.offered && this.film === given.film;
    if (!kept) Object.assign(this, { boxes: given?.boxes ?? [], chosen: null, open: null });
    Object.assign(this, { offered: drawing, fixed: Boolean(given?.fixed), words: given?.words ?? [], film: given?.film ?? null,
      purpose: given?.purpose ?? "", told: null });
    if (drawing && !kept) this.canvas.tool = "draw";
    if (!this.possible && this.canvas.tool === "draw") this.canvas.tool = "window";
    this.said = JSON.stringify(given);
    return this.said !== before || told;
  }

  // Whether a left drag may draw.
  get possible() {
    return this.offered || this.purpose !== "";
  }

  get shown() {
    return this.film !== null && this.film === this.canvas.address?.id;
  }

  // The drag began at `from` and is now at `to`, CSS pixels.
  stretch(from, to) {
    if (!this.possible || !this.shown) return;
    const { view, density, film } = this.canvas;
    const [[ax, ay], [bx, by]] = [from, to].map((point) => toFilm(view, ...point.map((one) => one * density)));
    const { width, height } = film.header;
    const held = (value, most) => Math.min(Math.max(value, 0), most);
    this.open = [held(Math.min(ax, bx), width), held(Math.min(ay, by), height), held(Math.max(ax, bx), width),
      held(Math.max(ay, by), height)];
    this.canvas.draw();
  }

  // The drag has ended.
  end() {
    const box = this.open;
    this.open = null;
    if (!box) return;
    const least = (LEAST * this.canvas.density) / this.canvas.view.zoom;
    if (box[2] - box[0] < least || box[3] - box[1] < least) return;
    if (this.offered) this.#change([...this.boxes, box], this.boxes.length);
    else this.#tell(box);
  }

  // The box is drawn for the purpose; the next drag windows again, so that no second one is drawn by mistake.
  #tell(box) {
    const { canvas } = this;
    Object.assign(this, { told: box });
    canvas.tool = "window";
    canvas.send.boxed({ film: this.film, mark: canvas.picked, box });
    canvas.draw();
  }

  // Chooses the smallest box around (x, y), CSS pixels, or none; true when boxes are being drawn.
  pick(x, y) {
    if (!this.offered || !this.shown) return false;
    const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
    const [px, py] = toFilm(this.canvas.view, x * this.canvas.density, y * this.canvas.density);
    const hit = this.boxes.filter(([x0, y0, x1, y1]) => px >= x0 && px <= x1 && py >= y0 && py <= y1);
    const smallest = hit.length ? hit.reduce((a, b) => (area(b) < area(a) ? b : a)) : null;
    this.chosen = smallest ? this.boxes.indexOf(smallest) : null;
    this.canvas.draw();
    return true;
  }

  // Removes the chosen box, else the last one; true when there was one.
  remove() {
    if (!this.offered || !this.boxes.length) return false;
    const gone = this.chosen ?? this.boxes.length - 1;
    this.#change(this.boxes.filter((_, i) => i !== gone), null);
    return true;
  }

  paint(context, view, density) {
    this.canvas.root.dataset.drawn = this.shown ? this.boxes.length : 0;
    if (!this.shown) return;
    const scaled = { ...view, zoom: view.zoom / density };
    context.setTransform(density, 0, 0, density, 0, 0);
    [...this.boxes, ...[this.open, this.told].filter(Boolean)].forEach((box, i) => {
      const [x0, y0, x1, y1] = toCanvas(scaled, box);
      context.setLineDash(this.fixed && i < this.boxes.length ? [2, 3] : []);
      for (const [style, more] of [[HALO, 2], [COLOR, 0]]) {
        context.strokeStyle = style;
        context.lineWidth = (i === this.chosen ? 3 : 2) + more;
        context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      }
      context.setLineDash([]);
      this.#write(context, this.words[i] ?? (this.offered ? `${i + 1}` : "yours"), x0, y1);
    });
  }

  // What a screen reader says of them.
  spoken() {
    return this.shown && this.boxes.length ? `${this.boxes.length} boxes of yours. ` : "";
  }

  #write(context, text, x, y) {
    const wide = context.measureText(text).width + 6;
    context.fillStyle = HALO;
    context.fillRect(x, y + 2, wide, 16);
    context.fillStyle = COLOR;
    context.fillText(text, x + 3, y + 10.5);
  }

  #change(boxes, chosen) {
    Object.assign(this, { boxes, chosen });
    this.canvas.send.drawn({ film: this.film, boxes });
    this.canvas.draw();
  }
}
