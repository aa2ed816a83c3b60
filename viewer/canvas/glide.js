// The wheel: each of its turns is spread over some frames, so that the eye can follow.

const SHARE = 0.45; // of what is still to be zoomed, in each frame
const END = 0.01; // of what is left, as a logarithm, that is zoomed at once

export class Glide {
  // `zoom(factor, x, y)` zooms the film on `canvas` at a point in CSS pixels.
  constructor(canvas, zoom) {
    Object.assign(this, { canvas, zoom, frame: 0, turning: null });
  }

  push(factor, x, y) {
    const { film } = this.canvas;
    if (!film) return;
    const left = this.turning?.film === film ? this.turning.left : 0;
    this.turning = { film, left: left + Math.log(factor), x, y };
    if (!this.frame) this.#turn();
  }

  stop() {
    cancelAnimationFrame(this.frame);
  }

  #turn() {
    const { film, left, x, y } = this.turning;
    const now = Math.abs(left) < END ? left : left * SHARE;
    this.turning = { film, left: left - now, x, y };
    this.frame = now === left || film !== this.canvas.film ? 0 : requestAnimationFrame(() => {
      this.#turn();
      this.canvas.drawNow();
    });
    if (film === this.canvas.film) this.zoom(Math.exp(now), x, y);
  }
}
