// Draws the layers: boxes, their verdicts by colour, shape and letter, labels with a halo, the line to the matched box.
//
// Colours are told apart by readers with any colour vision (Okabe and Ito's, lightened for a dark film), and never carry
// the meaning alone. Knows nothing of the film's pixels.
import { placeLabels } from "./labels.js";
import { toCanvas } from "./geometry.js";

const LOOKS = {
  TP: { color: "#6cc4ff", glyph: "tick" },
  FP: { color: "#ff9152", glyph: "cross" },
  FN: { color: "#f5e960", glyph: "diamond" },
  truth: { color: "#45d6a8", glyph: "none" },
  readers: { color: "#e6c3ff", glyph: "none" },
  detections: { color: "#d5dde6", glyph: "none" },
  candidates: { color: "#ffffff", glyph: "none" },
  heat: { color: "#eb46d7", glyph: "none" },
};
// Okabe and Ito's, lightened where they are dark, but for the yellow of what was missed; letters tell apart all others.
const SOURCES = ["#e69f00", "#56b4e9", "#2fc59a", "#dd8fbc", "#6a9cf5", "#ff7f45", "#ffffff", "#b9a2ff"];
const DASHES = { truth: [7, 5], readers: [11, 3, 2, 3], sources: [2, 3] };
const FONT = "600 12px system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
const HALO = "rgba(0, 0, 0, .85)";
const [PAD, LINE, GLYPH] = [3, 17, 15]; // CSS pixels: around a label, its height, width of its glyph
const NEAR = 3; // CSS pixels from a box's line that still count as on it
const BELOW = 14; // CSS pixels from the lower end of a pair's line to its IoU

export function labelOf(mark) {
  if (mark.kind === "candidates") return "";
  if (mark.kind === "sources") return `${lookOf(mark).letter} ${mark.confidence.toFixed(2)}`;
  const letters = mark.verdict || (mark.kind === "truth" ? "GT" : "");
  const text = mark.label || (mark.confidence === null ? "" : mark.confidence.toFixed(2));
  return [letters, text].filter(Boolean).join(" ");
}

// Draws everything in CSS pixels times `density`; returns [{mark, box, label}] in CSS pixels for `markAt`.
export function drawMarks(context, marks, view, size, density, { hovered, picked }, taken) {
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.font = FONT;
  context.textBaseline = "middle";
  const scaled = { ...view, zoom: view.zoom / density };
  const boxes = marks.map((mark) => toCanvas(scaled, mark.box));
  const texts = marks.map(labelOf);
  const widths = marks.map((mark, i) => texts[i] && context.measureText(texts[i]).width + 2 * PAD + glyphWidth(mark));
  const pairs = pairsOf(marks, boxes);
  const free = [...taken, ...pairs.map((pair) => spaceOf(context, pair))];
  const said = marks.map((_, i) => i).filter((i) => texts[i]);
  const labels = placeLabels(said.map((i) => boxes[i]), said.map((i) => [widths[i], LINE]), size, free);
  const placed = marks.map((mark, i) => ({ mark, box: boxes[i], label: null }));
  said.forEach((i, place) => (placed[i].label = labels[place]));
  for (const pair of pairs) drawPair(context, pair, pair.ids.includes(hovered));
  for (const { mark, box } of placed) drawBox(context, mark, box, mark.id === hovered || mark.id === picked);
  placed.forEach(({ mark, label }, i) => label && drawLabel(context, mark, label, texts[i], mark.id === picked));
  return placed;
}

// The mark under (x, y), CSS pixels: a label, else the smallest box whose line is there, else the smallest box around
// the point that is no candidate (they lie so thick that they would hide all others), else null.
export function markAt(placed, x, y) {
  const inside = ([x0, y0, x1, y1], by = NEAR) => x >= x0 - by && y >= y0 - by && x <= x1 + by && y <= y1 + by;
  const label = placed.findLast((one) => one.label && inside(one.label));
  if (label) return label.mark;
  const area = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
  const around = placed.filter((one) => inside(one.box));
  const solid = around.filter((one) => one.mark.kind !== "candidates");
  for (const hits of [solid, around].map((some) => some.filter((one) => !inside(one.box, -NEAR))).concat([solid])) {
    if (hits.length) return hits.reduce((a, b) => (area(b) < area(a) ? b : a)).mark;
  }
  return null;
}

// The color, glyph and, of one source among several, letter of a mark or a layer.
export function lookOf({ kind, verdict, number }) {
  if (kind === "sources") {
    const letter = String.fromCharCode(65 + (number % 26)) + (number < 26 ? "" : Math.floor(number / 26));
    return { color: SOURCES[number % SOURCES.length], glyph: "none", letter };
  }
  return LOOKS[verdict] ?? LOOKS[kind];
}

function glyphWidth(mark) {
  return lookOf(mark).glyph === "none" ? 0 : GLYPH;
}

function drawBox(context, mark, [x0, y0, x1, y1], strong) {
  const confidence = { truth: 0.4, readers: 0.7 }[mark.kind] ?? mark.confidence ?? 0.4;
  context.lineJoin = "miter";
  if (mark.kind === "candidates") return void drawGhost(context, confidence, [x0, y0, x1, y1], strong);
  const width = 1.25 + 2 * confidence + (strong ? 1.25 : 0);
  context.setLineDash(DASHES[mark.kind] ?? []);
  context.strokeStyle = "rgba(0, 0, 0, .55)";
  context.lineWidth = width + 2;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.strokeStyle = lookOf(mark).color;
  context.lineWidth = width;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.setLineDash([]);
}

// Thin, and fainter the less confident, so that the boxes that came of them stay the ones that are read.
function drawGhost(context, confidence, [x0, y0, x1, y1], strong) {
  context.strokeStyle = LOOKS.candidates.color;
  context.globalAlpha = strong ? 1 : 0.25 + 0.55 * confidence;
  context.lineWidth = 1;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.globalAlpha = 1;
}

function drawLabel(context, mark, [x0, y0, x1, y1], text, picked) {
  const { color, glyph } = lookOf(mark);
  const middle = (y0 + y1) / 2;
  context.fillStyle = picked ? "rgba(0, 0, 0, .95)" : "rgba(0, 0, 0, .75)";
  context.fillRect(x0, y0, x1 - x0, y1 - y0);
  context.lineJoin = "round";
  for (const [style, width] of [[HALO, 3.5], [color, 1.75]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    drawGlyph(context, glyph, x0 + PAD + 5.5, middle);
  }
  context.strokeStyle = HALO;
  context.lineWidth = 3;
  context.strokeText(text, x0 + PAD + glyphWidth(mark), middle + 0.5);
  context.fillStyle = color;
  context.fillText(text, x0 + PAD + glyphWidth(mark), middle + 0.5);
}

function drawGlyph(context, glyph, x, y) {
  context.beginPath();
  if (glyph === "tick") {
    context.arc(x, y, 5.5, 0, 2 * Math.PI);
    context.moveTo(x - 2.5, y + 0.3);
    context.lineTo(x - 0.6, y + 2.3);
    context.lineTo(x + 2.8, y - 2);
  } else if (glyph === "cross") {
    context.moveTo(x - 4, y - 4);
    context.lineTo(x + 4, y + 4);
    context.moveTo(x + 4, y - 4);
    context.lineTo(x - 4, y + 4);
  } else if (glyph === "diamond") {
    context.setLineDash([2.6, 1.6]);
    context.moveTo(x, y - 5.5);
    context.lineTo(x + 5.5, y);
    context.lineTo(x, y + 5.5);
    context.lineTo(x - 5.5, y);
    context.closePath();
  }
  context.stroke();
  context.setLineDash([]);
}

// The detections on show that find a box on show: where the line between their middles goes, and where its IoU stands.
export function pairsOf(marks, boxes) {
  const rows = new Map(marks.map((mark, row) => [mark.id, row]));
  return marks.flatMap((mark, row) => {
    const other = rows.get(mark.pair);
    if (mark.kind === "truth" || other === undefined) return [];
    const ends = [middleOf(boxes[row]), middleOf(boxes[other])];
    const text = mark.iou === null ? "" : `IoU ${mark.iou.toFixed(2)}`;
    const x = (ends[0][0] + ends[1][0]) / 2, y = Math.max(ends[0][1], ends[1][1]) + BELOW;
    return [{ ids: [mark.id, marks[other].id], ends, text, x, y }];
  });
}

// What a pair's IoU covers, so that no label is put there.
function spaceOf(context, { text, x, y }) {
  const half = context.measureText(text).width / 2 + PAD;
  return text ? [x - half, y - LINE / 2, x + half, y + LINE / 2] : [x, y, x, y];
}

function drawPair(context, { ends: [[ax, ay], [bx, by]], text, x, y }, strong) {
  context.strokeStyle = strong ? "#ffffff" : "rgba(255, 255, 255, .6)";
  context.fillStyle = context.strokeStyle;
  context.lineWidth = strong ? 1.5 : 1;
  context.beginPath();
  context.moveTo(ax, ay);
  context.lineTo(bx, by);
  context.stroke();
  for (const [px, py] of [[ax, ay], [bx, by]]) context.fillRect(px - 2, py - 2, 4, 4);
  context.textAlign = "center";
  context.strokeStyle = HALO;
  context.lineWidth = 3;
  context.strokeText(text, x, y);
  context.fillStyle = strong ? "#ffffff" : "#dbe2e9";
  context.fillText(text, x, y);
  context.textAlign = "left";
}

function middleOf([x0, y0, x1, y1]) {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}
