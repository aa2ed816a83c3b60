// Draws the film itself: stored values through a table of grey levels onto a canvas, sharp at every zoom.
//
// Only the part in view is windowed, from the pyramid level that fits the zoom, into a tile that is kept for panning.
// Knows nothing of boxes, the page or where the film came from.
import { contains, levelFor, region } from "./geometry.js";

const NEAREST_FROM = 4; // device pixels per film pixel from which single pixels are shown as squares
const MARGIN = 0.15; // of the canvas, around a tile, so that a short pan needs no new one

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.store = document.createElement("canvas");
    this.storeContext = this.store.getContext("2d", { alpha: false });
    this.tile = null;
  }

  clear() {
    this.tile = null;
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // `levels` from unpack.js, `words` from screenTable (a new array for every new table); `coarse` levels less detail.
  paint(levels, view, words, coarse = 0) {
    const level = Math.min(levelFor(view.zoom, levels.length) + coarse, levels.length - 1);
    const need = region(view, this.canvas, level, levels[level]);
    const old = this.tile;
    const same = old && old.level === level && old.pixels === levels[level].pixels;
    if (!same || old.words !== words || !contains(old.part, need)) {
      const onlyTable = same && old.words !== words;
      const part = onlyTable ? need : region(view, this.canvas, level, levels[level], MARGIN);
      this.#window(levels[level], level, part, words);
    }
    this.#draw(levels[0], view);
  }

  #window(source, level, part, words) {
    const width = Math.max(part.x1 - part.x0, 1), height = Math.max(part.y1 - part.y0, 1);
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.store.width = width;
      this.store.height = height;
      this.image = new ImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    lookUp(source, part, words, this.words);
    this.storeContext.putImageData(this.image, 0, 0);
    this.tile = { level, part, words, pixels: source.pixels };
  }

  #draw(film, view) {
    const { context, canvas, tile } = this;
    const side = 2 ** tile.level, left = Math.round(-view.x * view.zoom), top = Math.round(-view.y * view.zoom);
    const scale = side * view.zoom;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath(); // the last column of an odd level reaches beyond the film
    context.rect(left, top, Math.round(film.width * view.zoom), Math.round(film.height * view.zoom));
    context.clip();
    context.imageSmoothingEnabled = view.zoom < NEAREST_FROM;
    const { x0, y0, x1, y1 } = tile.part;
    context.drawImage(this.store, left + x0 * scale, top + y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale);
    context.restore();
  }
}

function lookUp({ width, pixels }, { x0, y0, x1, y1 }, words, out) {
  for (let y = y0, o = 0; y < y1; y++) {
    for (let i = y * width + x0, end = y * width + x1; i < end; i++) out[o++] = words[pixels[i]];
  }
}
