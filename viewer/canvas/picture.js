// Draws the film itself: stored values through a table of grey levels onto a canvas, sharp at every zoom.
//
// Only the part in view is windowed, from the pyramid level that fits the zoom, into a tile that is kept for panning and,
// in a hurry, for zooming. Knows nothing of boxes, the page or where the film came from.
import { edges, localContrast, localTables, reachOf } from "./enhance.js";
import { contains, levelFor, region } from "./geometry.js";

const NEAREST_FROM = 4; // device pixels per film pixel from which single pixels are shown as squares
const MARGIN = 0.15; // of the canvas, around a tile, so that a short pan needs no new one
const SURROUNDINGS = 0.03; // the same for a tile of a new table, where edges look at pixels out of view
const BLACK = 0xff000000;

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.store = document.createElement("canvas");
    this.storeContext = this.store.getContext("2d", { alpha: false });
    Object.assign(this, { tile: null, shown: [] });
  }

  clear() {
    Object.assign(this, { tile: null, shown: [] });
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // `levels` from unpack.js; `words` from screenTable, a new array for every new table or look. `local` and `edge` are the
  // optional looks, `padding` as in the film's header; `coarse` levels less detail; in a `hurry` a tile that was meant
  // for another zoom will do. What is on the canvas already is left there: each change of these brings a new value.
  paint(levels, view, words, { coarse = 0, hurry = false, local = false, edge = false, padding = null } = {}) {
    const shown = [levels, view, words, coarse, hurry, local, edge];
    if (this.shown.length && shown.every((value, place) => value === this.shown[place])) return;
    this.shown = shown;
    const level = Math.min(levelFor(view.zoom, levels.length) + coarse, levels.length - 1);
    const need = region(view, this.canvas, level, levels[level]);
    const old = this.tile;
    const same = old && (old.level === level || hurry) && old.pixels === levels[old.level].pixels;
    if (!same || old.words !== words || !serves(old, levels[old.level], need, level)) {
      const margin = same && old.words !== words ? (edge ? SURROUNDINGS : 0) : MARGIN;
      const part = region(view, this.canvas, level, levels[level], margin);
      this.#window(levels, level, part, words, { local, edge, padding });
    }
    this.#draw(levels[0], view);
  }

  #window(levels, level, part, words, looks) {
    const source = levels[level];
    const width = Math.max(part.x1 - part.x0, 1), height = Math.max(part.y1 - part.y0, 1);
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.store.width = width;
      this.store.height = height;
      this.image = new ImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    if (looks.local || looks.edge) this.#enhance(levels, level, part, words, looks);
    else lookUp(source, part, words, this.words);
    this.storeContext.putImageData(this.image, 0, 0);
    this.tile = { level, part, words, pixels: source.pixels };
  }

  #enhance(levels, level, part, words, { local, edge, padding }) {
    const source = levels[level];
    const width = part.x1 - part.x0, height = part.y1 - part.y0;
    let greys = new Uint8Array(width * height);
    lookUp(source, part, words, greys); // keeps the lowest byte
    if (local) {
      if (this.localWords !== words) Object.assign(this, { localWords: words, locals: localTables(levels, words, padding) });
      localContrast(greys, part, source, this.locals);
    }
    if (edge) greys = edges(greys, width, height, reachOf(levels[0], level));
    for (let i = 0; i < greys.length; i++) this.words[i] = BLACK | (greys[i] * 0x10101);
    if (padding) blacken(source, part, padding, this.words);
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

// True when `tile` shows what is needed of `level`: from the level itself or, drawn larger or smaller, from one near it.
function serves(tile, { width, height }, need, level) {
  const scale = 2 ** (level - tile.level);
  const wanted = {
    x0: need.x0 * scale, y0: need.y0 * scale,
    x1: Math.min(need.x1 * scale, width), y1: Math.min(need.y1 * scale, height), // an odd side ends half a pixel early
  };
  return tile.level <= level && tile.level >= level - 2 && contains(tile.part, wanted);
}

function lookUp({ width, pixels }, { x0, y0, x1, y1 }, words, out) {
  for (let y = y0, o = 0; y < y1; y++) {
    for (let i = y * width + x0, end = y * width + x1; i < end; i++) out[o++] = words[pixels[i]];
  }
}

function blacken({ width, pixels }, { x0, y0, x1, y1 }, [low, high], out) {
  for (let y = y0, o = 0; y < y1; y++) {
    for (let i = y * width + x0, end = y * width + x1; i < end; i++, o++) {
      if (pixels[i] >= low && pixels[i] <= high) out[o] = BLACK;
    }
  }
}
