// The words on the canvas: readout, text on hover, legend. Everything enters as text, never as markup.
import { windowText } from "./display.js";
import { labelOf, lookOf } from "./marks.js";

const TOOLS = { draw: "left drag draws a box (x)", zoom: "left drag zooms (z)", ruler: "left drag measures (m)" };

export function setLines(element, lines) {
  if (element.textContent === lines.join("") && element.childElementCount === lines.length) return;
  element.replaceChildren(...lines.map((line) => {
    const row = document.createElement("div");
    row.textContent = line;
    return row;
  }));
}

// What hovering a mark tells, first the verdict.
export function tooltipLines(mark) {
  const who = { truth: "Ground truth", readers: "A reader's box", candidates: "Candidate", sources: `Source ${lookOf(mark).letter} alone` }[mark.kind] ??
    "Detection";
  const verdict = {
    TP: "true positive", FP: "false positive", FN: "missed (false negative)",
  }[mark.verdict] ?? (mark.kind === "truth" && mark.pair ? "found" : "");
  const lines = [verdict ? `${who}: ${verdict}` : who];
  if (mark.confidence !== null) lines.push(`confidence ${mark.confidence.toFixed(3)}`);
  if (mark.iou !== null) lines.push(`IoU ${mark.iou.toFixed(3)}`);
  return [...lines, ...mark.details];
}

// One line of numbers; `state` of the canvas, `point` of the film under the pointer or null.
export function readoutLines(state, point) {
  const { drawing, film, layers, link, tool, view } = state, loose = link.group !== null && !link.window;
  const lines = [[...brightness(state), zoomText(view.zoom)].join("  ·  ")];
  const off = [vendorText(state), ...layers.hiddenNames(), loose ? "window not linked (w)" : "",
    tool === "draw" && drawing.purpose ? `left drag ${drawing.purpose} (x)` : TOOLS[tool]].filter(Boolean);
  if (off.length) lines.unshift(off.join("  ·  "));
  lines.push(point ? valueText(film, point) : "");
  return lines;
}

// How bright the film is shown: name, numbers and what was done to it.
export function brightness({ manner, look, window: shown, inverted, local, edge }) {
  const { name, window } = shown ? { name: "free window", window: shown } : manner.looks[look];
  return [name, window ? windowText(window) : "by a table", inverted ? "inverted" : "", ...enhanced({ local, edge })].filter(Boolean);
}

function enhanced({ local, edge }) {
  return [local ? "local contrast on (l)" : "", edge ? "edge on (e)" : ""];
}

function vendorText({ film, plain }) {
  if (!plain) return "";
  return film.manners.length > 1 ? "maker's LUTs left out (v)" : "no maker's LUT to leave out (v)";
}

function zoomText(zoom) {
  return `${zoom < 0.1 ? (zoom * 100).toFixed(1) : Math.round(zoom * 100)} %`;
}

function valueText({ header, levels, modality }, [x, y]) {
  const index = levels[0].pixels[y * header.width + x];
  const stored = index - header.offset, value = modality[index];
  const other = value === stored ? "" : `  (stored ${stored})`;
  return `x ${x}  y ${y}  value ${Number.isInteger(value) ? value : value.toFixed(2)}${other}`;
}

// What each named layer on show is, with the letter, colour and line of its boxes; `entries` of Layers.legend.
export function fillLegend(element, entries) {
  element.replaceChildren(...entries.map((entry) => {
    const { color, letter = "" } = lookOf(entry);
    const chip = Object.assign(document.createElement("span"), { className: `chip ${entry.kind}`, textContent: letter });
    chip.style.setProperty("--color", color);
    const row = document.createElement("div");
    row.append(chip, entry.name);
    row.classList.toggle("problem", Boolean(entry.problem));
    return row;
  }));
}

// What a screen reader says on arriving at the canvas.
export function spoken(filmId, header, marks, lengths) {
  const boxes = (kind) => marks.filter((mark) => mark.kind === kind);
  const said = boxes("detections").map(labelOf).join(", ");
  return `Film ${filmId}, ${header.width} by ${header.height} pixels. ${boxes("truth").length} ground-truth boxes, ` +
    `${boxes("detections").length} detections${said ? `: ${said}` : ""}. ` +
    `${lengths.map((text) => `Ruler: ${text}. `).join("")}Press question mark for the keys.`;
}
