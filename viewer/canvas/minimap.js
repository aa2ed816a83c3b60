// The whole film, small, with a frame around the part in view; there only while a part is out of view. Clicking or
// dragging in it asks `onMove` for another middle, in pixels of the film; `onRest` when the drag has ended.
import { inView, wholeInView } from "./geometry.js";

const LONGEST = 132; // CSS pixels of the longer side

export class Minimap {
  constructor(canvas, onMove, onRest) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    const move = (event) => {
      const frame = canvas.getBoundingClientRect();
      const { width, height } = this.film;
      onMove(((event.clientX - frame.left) / frame.width) * width, ((event.clientY - frame.top) / frame.height) * height);
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      move(event);
    };
    canvas.onpointermove = (event) => canvas.hasPointerCapture(event.pointerId) && move(event);
    canvas.onlostpointercapture = onRest;
  }

  // Nothing of the last film stays.
  clear() {
    Object.assign(this, { level: null, image: null });
    Object.assign(this.canvas, { hidden: true, width: 1, height: 1 });
  }

  // `levels` and `words` as for Picture.paint; `screen` is the size of the large canvas in device pixels.
  paint(levels, words, view, screen) {
    const [film] = levels, level = levels.at(-1);
    this.film = film;
    this.canvas.hidden = wholeInView(view, screen, film);
    if (this.canvas.hidden) return;
    if (this.words !== words || this.level !== level) this.#window(level, words);
    const scale = this.canvas.width / film.width;
    const [x0, y0, x1, y1] = inView(view, screen, film).map((value) => value * scale);
    const line = Math.max(this.canvas.width, this.canvas.height) / LONGEST;
    const { context } = this;
    context.putImageData(this.image, 0, 0);
    for (const [style, width] of [["#000", 3.5], ["#f5e960", 1.75]]) {
      context.strokeStyle = style;
      context.lineWidth = width * line;
      context.strokeRect(x0 + line, y0 + line, Math.max(x1 - x0 - 2 * line, line), Math.max(y1 - y0 - 2 * line, line));
    }
  }

  #window(level, words) {
    const { width, height, pixels } = level;
    const { canvas } = this;
    if (this.level !== level) {
      Object.assign(canvas, { width, height });
      const shrink = LONGEST / Math.max(width, height), length = (side) => `calc(${side * shrink}px * var(--scale, 1))`;
      Object.assign(canvas.style, { width: length(width), height: length(height) });
      this.image = new ImageData(width, height);
    }
    const out = new Uint32Array(this.image.data.buffer);
    for (let i = 0; i < pixels.length; i++) out[i] = words[pixels[i]];
    Object.assign(this, { level, words });
  }
}
