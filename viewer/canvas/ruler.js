// Distances on the film: lines that the reader drew, [x0, y0, x1, y1] in film pixels, and how long each is. Pure
// functions but for the drawing.
import { toCanvas } from "./geometry.js";

const COLOR = "#ff9ee5"; // no verdict's
const HALO = "rgba(0, 0, 0, .85)";
const TICK = 6; // CSS pixels to each side of the line, at its ends
const KINDS = { "at detector": "mm at the detector", calibrated: "mm, calibrated" };

// "123.4 mm at the detector"; in pixels where the header's spacing ([between rows, between columns] in mm) is null.
export function lengthText([x0, y0, x1, y1], { spacing, spacing_kind: kind }) {
  const [row, column] = spacing ?? [1, 1];
  return `${Math.hypot((x1 - x0) * column, (y1 - y0) * row).toFixed(1)} ${spacing ? KINDS[kind] : "pixels"}`;
}

// Draws `rulers` in CSS pixels times `density`, each with its length beside its end.
export function drawRulers(context, rulers, header, view, size, density) {
  const scaled = { ...view, zoom: view.zoom / density };
  context.setTransform(density, 0, 0, density, 0, 0);
  for (const ruler of rulers) {
    const ends = toCanvas(scaled, ruler);
    for (const [style, width] of [[HALO, 4], [COLOR, 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke(new Path2D(shape(ends)));
    }
    drawText(context, lengthText(ruler, header), ends, size);
  }
}

function shape([x0, y0, x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const ux = ((y1 - y0) / length) * TICK, uy = ((x0 - x1) / length) * TICK;
  const tick = (x, y) => `M${x - ux} ${y - uy}L${x + ux} ${y + uy}`;
  return `M${x0} ${y0}L${x1} ${y1}${tick(x0, y0)}${tick(x1, y1)}`;
}

function drawText(context, text, [x0, , x1, y1], { width, height }) {
  const wide = context.measureText(text).width;
  const x = Math.min(Math.max(x1 + (x1 < x0 ? -wide - 12 : 12), 4), width - wide - 4);
  const y = Math.min(Math.max(y1, 10), height - 10);
  context.lineWidth = 4;
  context.strokeStyle = HALO;
  context.strokeText(text, x, y);
  context.fillStyle = COLOR;
  context.fillText(text, x, y);
}
