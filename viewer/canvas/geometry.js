// Where the film lies on the canvas. A view is {x, y, zoom, fitted}: the film's point at the canvas's top left corner
// and the device pixels per film pixel; `fitted` until the reader moves it. Sizes are {width, height}. Pure functions.

const LARGEST = 40; // device pixels per film pixel

export function fit(canvas, film) {
  const zoom = Math.min(canvas.width / film.width, canvas.height / film.height);
  return {
    x: (film.width - canvas.width / zoom) / 2, y: (film.height - canvas.height / zoom) / 2, zoom, fitted: true,
  };
}

export function zoomAt(view, factor, px, py, canvas, film) {
  return zoomTo(view, view.zoom * factor, px, py, canvas, film);
}

// The film's point under (px, py) stays there; `wanted` is held between a quarter of the fitted size and LARGEST.
export function zoomTo(view, wanted, px, py, canvas, film) {
  const smallest = fit(canvas, film).zoom / 4;
  const zoom = Math.min(Math.max(wanted, Math.min(smallest, 1)), LARGEST);
  const moved = { x: view.x + px / view.zoom - px / zoom, y: view.y + py / view.zoom - py / zoom, zoom, fitted: false };
  return held(moved, canvas, film);
}

// The film follows the hand by dx, dy device pixels.
export function panBy(view, dx, dy, canvas, film) {
  return held({ ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom, fitted: false }, canvas, film);
}

// The film's point (x, y) in the middle of the canvas.
export function centredAt(view, x, y, canvas, film) {
  return held({ ...view, x: x - canvas.width / view.zoom / 2, y: y - canvas.height / view.zoom / 2, fitted: false },
    canvas, film);
}

// The part of the film that the canvas shows, [x0, y0, x1, y1] in film pixels.
export function inView(view, canvas, film) {
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [within(view.x, film.width), within(view.y, film.height), within(view.x + canvas.width / view.zoom, film.width),
    within(view.y + canvas.height / view.zoom, film.height)];
}

// True when no film pixel lies outside the canvas, but for the rounding of a fit.
export function wholeInView(view, canvas, film) {
  const [x0, y0, x1, y1] = inView(view, canvas, film);
  return x0 < 0.5 && y0 < 0.5 && x1 > film.width - 0.5 && y1 > film.height - 0.5;
}

// The view of another film on another canvas that shows the same share of it: middle and zoom against the fitted one.
export function carried(view, canvas, film, otherCanvas, otherFilm) {
  const fitted = fit(otherCanvas, otherFilm);
  if (view.fitted) return fitted;
  const zoom = Math.min(fitted.zoom * (view.zoom / fit(canvas, film).zoom), LARGEST);
  const x = ((view.x + canvas.width / view.zoom / 2) / film.width) * otherFilm.width - otherCanvas.width / zoom / 2;
  const y = ((view.y + canvas.height / view.zoom / 2) / film.height) * otherFilm.height - otherCanvas.height / zoom / 2;
  return held({ x, y, zoom, fitted: false }, otherCanvas, otherFilm);
}

// The same film point stays in the middle when the canvas changes its size, or its pixels per CSS pixel by `density`.
export function resized(view, before, after, film, density = 1) {
  if (view.fitted) return fit(after, film);
  const zoom = view.zoom * density;
  const x = view.x + before.width / view.zoom / 2 - after.width / zoom / 2;
  const y = view.y + before.height / view.zoom / 2 - after.height / zoom / 2;
  return held({ x, y, zoom, fitted: false }, after, film);
}

// The middle of the canvas always shows a point of the film.
function held(view, canvas, film) {
  const halfWidth = canvas.width / view.zoom / 2, halfHeight = canvas.height / view.zoom / 2;
  const x = Math.min(Math.max(view.x, -halfWidth), film.width - halfWidth);
  const y = Math.min(Math.max(view.y, -halfHeight), film.height - halfHeight);
  return { ...view, x, y };
}

export function toFilm(view, px, py) {
  return [view.x + px / view.zoom, view.y + py / view.zoom];
}

// Box [x0, y0, x1, y1] of film pixels -> the same on the canvas.
export function toCanvas(view, [x0, y0, x1, y1]) {
  return [(x0 - view.x) * view.zoom, (y0 - view.y) * view.zoom, (x1 - view.x) * view.zoom, (y1 - view.y) * view.zoom];
}

// The pyramid level with at least one and at most two of its pixels per device pixel and axis.
export function levelFor(zoom, levels) {
  return Math.min(Math.max(Math.floor(Math.log2(1 / zoom) + 1e-9), 0), levels - 1);
}

// The part of a level (2 ** level film pixels a side) that the canvas shows, `margin` of its size wider on each side.
export function region(view, canvas, level, { width, height }, margin = 0) {
  const side = 2 ** level;
  const mx = (canvas.width / view.zoom) * margin, my = (canvas.height / view.zoom) * margin;
  const clamp = (value, most) => Math.min(Math.max(value, 0), most);
  return {
    x0: clamp(Math.floor((view.x - mx) / side) - 1, width), y0: clamp(Math.floor((view.y - my) / side) - 1, height),
    x1: clamp(Math.ceil((view.x + mx + canvas.width / view.zoom) / side) + 1, width),
    y1: clamp(Math.ceil((view.y + my + canvas.height / view.zoom) / side) + 1, height),
  };
}

export function contains(outer, inner) {
  return outer.x0 <= inner.x0 && outer.y0 <= inner.y0 && outer.x1 >= inner.x1 && outer.y1 >= inner.y1;
}
