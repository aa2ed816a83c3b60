// The canvas's pure functions, worked by hand. Run by tests/test_canvas.py, which lays the modules beside this file.
import assert from "node:assert/strict";
import test from "node:test";

import { dragged, screenTable, windowOfTable, windowTable } from "./display.js";
import {
  carried, centredAt, fit, inView, levelFor, panBy, region, resized, toCanvas, toFilm, wholeInView, zoomAt, zoomTo,
} from "./geometry.js";
import { Drawing } from "./draw.js";
import { Pursuit } from "./follow.js";
import { Foresight } from "./foresight.js";
import { belongsTo, meaning } from "./keys.js";
import { overlap, placeLabels } from "./labels.js";
import { Layers } from "./layers.js";
import { labelOf, lookOf, markAt, pairsOf } from "./marks.js";
import { lengthText } from "./ruler.js";
import { FilmStore } from "./store.js";
import { halve, pyramid, undelta, unpack } from "./unpack.js";
import { tooltipLines } from "./words.js";

const CANVAS = { width: 400, height: 200 };
const FILM = { width: 100, height: 100 };

test("zigzag codes 0 1 2 3 4 are the differences 0 -1 1 -2 2, each row anew, both planes together", () => {
  const low = [5 << 1, 1, 2, 3, 4, 0];
  assert.deepEqual([...undelta(Uint8Array.from([...low, 0, 0, 0, 0, 0, 0]), 3, 2, 2)], [5, 4, 5, 65534, 0, 0]);
  assert.deepEqual([...undelta(Uint8Array.from(low), 3, 2, 1)], [5, 4, 5, 254, 0, 0]);
  assert.deepEqual([...undelta(Uint8Array.from([0, 1]), 1, 1, 2)], [128]);
});

test("a body that is no film, or is cut short, is refused", () => {
  assert.throws(() => unpack(new TextEncoder().encode("<html>not found</html>").buffer), /not a film/);
  const header = new TextEncoder().encode(JSON.stringify({ width: 4, height: 4, bytes: 1, offset: 0, tables: 0, modality: [1, 0] }));
  const body = new Uint8Array([71, 71, 70, 49, header.length, 0, 0, 0, ...header, 1, 2, 3]);
  assert.throws(() => unpack(body.buffer), /cut short/);
});

test("halving takes the mean of four, half up, and counts the last column and row of an odd film twice", () => {
  const pixels = Uint16Array.from([0, 1, 10, 1, 4, 30, 8, 8, 2]);
  const half = halve({ width: 3, height: 3, pixels });
  assert.deepEqual([half.width, half.height, ...half.pixels], [2, 2, 2, 20, 8, 2]); // 6/4 = 1.5 -> 2
  assert.deepEqual(pyramid({ width: 3, height: 3, pixels }, 1).map((level) => level.width), [3, 2, 1]);
});

test("fitting centres the film and leaves no side outside", () => {
  assert.deepEqual(fit(CANVAS, FILM), { x: -50, y: 0, zoom: 2, fitted: true });
});

test("zooming keeps the film's point under the cursor, and stops at both ends", () => {
  const view = fit(CANVAS, FILM);
  const near = zoomAt(view, 3, 250, 120, CANVAS, FILM);
  assert.deepEqual(toFilm(near, 250, 120), toFilm(view, 250, 120));
  assert.equal(near.zoom, 6);
  assert.equal(zoomAt(view, 1e6, 0, 0, CANVAS, FILM).zoom, 40);
  assert.equal(zoomAt(view, 1e-6, 0, 0, CANVAS, FILM).zoom, 0.5);
});

test("a zoom asked for is exactly that, and the part in view is told in film pixels", () => {
  const view = fit(CANVAS, FILM);
  assert.deepEqual(inView(view, CANVAS, FILM), [0, 0, 100, 100]);
  assert.equal(wholeInView(view, CANVAS, FILM), true);
  const near = zoomTo({ ...view, zoom: 2.3 }, 8, 200, 100, CANVAS, FILM);
  assert.equal(near.zoom, 8);
  const there = centredAt(near, 75, 25, CANVAS, FILM);
  assert.deepEqual(inView(there, CANVAS, FILM), [50, 12.5, 100, 37.5]);
  assert.equal(wholeInView(there, CANVAS, FILM), false);
});

test("panning follows the hand but never loses the film", () => {
  const view = fit(CANVAS, FILM);
  assert.equal(panBy(view, 20, -10, CANVAS, FILM).x, -60);
  assert.equal(panBy(view, 20, -10, CANVAS, FILM).y, 5);
  assert.equal(panBy(view, 1e5, 0, CANVAS, FILM).x, -100); // the film's left edge in the middle
});

test("a new size of the canvas keeps the fit, or else the film's point in the middle", () => {
  const after = { width: 200, height: 200 };
  assert.equal(resized(fit(CANVAS, FILM), CANVAS, after, FILM).zoom, 2);
  const view = zoomAt(fit(CANVAS, FILM), 3, 250, 120, CANVAS, FILM);
  const moved = resized(view, CANVAS, after, FILM);
  assert.deepEqual(toFilm(moved, 100, 100), toFilm(view, 200, 100));
  assert.equal(resized(view, CANVAS, after, FILM, 2).zoom, 12); // twice the device pixels
});

test("a ruler counts each axis by its own spacing, and says where it is measured", () => {
  const ruler = [10, 10, 40, 50]; // 30 columns, 40 rows
  assert.equal(lengthText(ruler, { spacing: null }), "50.0 pixels");
  assert.equal(lengthText(ruler, { spacing: [0.1, 0.1], spacing_kind: "at detector" }), "5.0 mm at the detector");
  assert.equal(lengthText(ruler, { spacing: [0.2, 0.5], spacing_kind: "calibrated" }), "17.0 mm, calibrated");
});

test("a linked film shows the same share of itself, however large it is", () => {
  const other = { width: 400, height: 400 }, screen = { width: 200, height: 200 };
  assert.deepEqual(carried(fit(CANVAS, FILM), CANVAS, FILM, screen, other), fit(screen, other));
  const view = zoomAt(fit(CANVAS, FILM), 3, 250, 120, CANVAS, FILM); // zoom 6, three times the fitted one
  const there = carried(view, CANVAS, FILM, screen, other);
  assert.equal(there.zoom, 1.5);
  const [x, y] = toFilm(view, 200, 100), [otherX, otherY] = toFilm(there, 100, 100);
  assert.ok(Math.hypot(otherX - 4 * x, otherY - 4 * y) < 1e-9);
});

test("the level has at least one of its pixels per device pixel", () => {
  assert.deepEqual([40, 1, 0.9, 0.5, 0.49, 0.25, 0.01].map((zoom) => levelFor(zoom, 4)), [0, 0, 0, 1, 1, 2, 3]);
});

test("the region is the part in view, inside the level", () => {
  assert.deepEqual(region({ x: 10, y: 20, zoom: 4 }, CANVAS, 0, FILM), { x0: 9, y0: 19, x1: 100, y1: 71 });
  assert.deepEqual(region({ x: -50, y: 0, zoom: 2 }, CANVAS, 1, { width: 50, height: 50 }), { x0: 0, y0: 0, x1: 50, y1: 50 });
});

test("a window of width 3 runs over two values, inverted the other way round; padding stays black", () => {
  const modality = Float64Array.from([0, 1, 2, 3, 4]);
  const narrow = { center: 2, width: 3, function: "LINEAR" }; // C.11.2.1.2.1: 0.5 -> black, 2.5 -> white, 1.5 the middle
  assert.deepEqual([...windowTable(modality, narrow, false)], [0, 64, 191, 255, 255]);
  assert.deepEqual([...windowTable(modality, narrow, true)], [255, 191, 64, 0, 0]);
  assert.deepEqual([...windowTable(modality, narrow, true, [0, 1])], [0, 0, 64, 0, 0]);
  assert.deepEqual([...windowTable(modality, { ...narrow, width: 1 }, false)], [0, 0, 255, 255, 255]);
});

test("a table's own window spans the greys that the film's pixels get", () => {
  const table = Uint8Array.from([0, 0, 10, 100, 255, 200]);
  const modality = Float64Array.from([0, 10, 20, 30, 40, 50]);
  assert.deepEqual(windowOfTable(table, modality, [0, 1, 2, 3, 4]), { center: 25, width: 10, function: "LINEAR_EXACT" });
  assert.deepEqual(windowOfTable(table, modality, [0, 4]), { center: 0.5, width: 1, function: "LINEAR_EXACT" });
});

test("dragging right widens, down raises the level, and no window falls below its least width", () => {
  const start = { center: 100, width: 50, function: "LINEAR" };
  assert.deepEqual(dragged(start, 10, -5, 1000), { center: 90, width: 70, function: "LINEAR" });
  assert.equal(dragged(start, -1e4, 0, 1000).width, 1);
  assert.equal(dragged({ ...start, function: "LINEAR_EXACT" }, -1e4, 0, 1000).width, 0.2);
});

test("inverting exchanges light and dark, and leaves padding black", () => {
  assert.deepEqual([...screenTable(Uint8Array.from([0, 10, 255]), true, [0, 0])], [0xff000000, 0xfff5f5f5, 0xff000000]);
});

test("labels of boxes at one place do not cover each other, stay inside and keep what is taken free", () => {
  const boxes = [[0, 0, 60, 60], [0, 0, 60, 60], [2, 2, 62, 62], [0, 0, 400, 200], [390, 190, 400, 200]];
  const taken = [[0, 180, 120, 200]];
  const labels = placeLabels(boxes, boxes.map(() => [50, 17]), CANVAS, taken);
  const all = [...labels, ...taken];
  for (const [i, a] of all.entries()) {
    assert.ok(a[0] >= 0 && a[1] >= 0 && a[2] <= 400 && a[3] <= 200, `label ${i} is inside`);
    for (const b of all.slice(i + 1)) assert.equal(overlap(a, b), 0);
  }
  assert.deepEqual(placeLabels([[500, 0, 600, 50]], [[50, 17]], CANVAS), [null]); // out of view
});

const mark = (change) => ({ id: "d0", verdict: "", confidence: null, label: "", pair: null, iou: null, details: [], ...change });

test("labels carry the verdict's letters, and hovering tells all", () => {
  assert.equal(labelOf(mark({ kind: "detections", verdict: "FP", confidence: 0.456 })), "FP 0.46");
  assert.equal(labelOf(mark({ kind: "truth" })), "GT");
  assert.deepEqual(tooltipLines(mark({ kind: "truth", verdict: "FN", iou: 0.4, details: ["<b>x</b>"] })),
    ["Ground truth: missed (false negative)", "IoU 0.400", "<b>x</b>"]);
});

test("a matched pair is joined from middle to middle, with its IoU beneath; what is hidden joins nothing", () => {
  const pair = [mark({ id: "t0", kind: "truth", pair: "d0", iou: 0.756 }), mark({ kind: "detections", pair: "t0", iou: 0.756 })];
  const boxes = [[0, 0, 10, 20], [10, 0, 30, 40]];
  assert.deepEqual(pairsOf(pair, boxes), [
    { ids: ["d0", "t0"], ends: [[20, 20], [5, 10]], text: "IoU 0.76", x: 12.5, y: 34 },
  ]);
  assert.deepEqual(pairsOf(pair.slice(1), boxes.slice(1)), []);
});

const KINDS = [["truth", "g", false], ["detections", "d", true], ["candidates", "b", true], ["sources", "s", true]].map(
  ([kind, key, ai]) => ({ kind, key, ai, name: kind.toUpperCase(), chosen: kind !== "sources" }));
const layered = () => {
  const layers = new Layers();
  layers.take(KINDS, [
    { kind: "detections", name: "", marks: [mark({ id: "d" })] }, { kind: "truth", name: "", marks: [mark({ id: "t" })] },
    { kind: "candidates", name: "raw", marks: [mark({ id: "c" })] },
  ]);
  return layers;
};
const seen = (layers) => layers.marks().map((one) => one.id).join("");

test("ghosts are drawn first, then truth, then detections; a hidden kind is left out of film and legend", () => {
  const layers = layered();
  assert.equal(seen(layers), "ctd");
  assert.deepEqual(layers.legend().map(({ name }) => name), ["raw"]);
  layers.toggle("candidates");
  assert.equal(seen(layers), "td");
  assert.deepEqual([layers.legend(), layers.hiddenNames()], [[], ["candidates hidden (b)"]]);
});

test("one key hides all of the AI and brings all of it back; the key of one layer brings just that", () => {
  const layers = layered();
  layers.hideAi(layers.showsAi());
  assert.deepEqual([seen(layers), layers.hiddenNames()], ["t", ["AI hidden (a)"]]);
  layers.hideAi(layers.showsAi());
  assert.equal(seen(layers), "ctd");
  layers.hideAi(layers.showsAi());
  layers.toggle("detections");
  assert.deepEqual([seen(layers), layers.hiddenNames()], ["td", ["candidates hidden (b)", "sources hidden (s)"].slice(0, 1)]);
  layers.toggle("detections");
  layers.hideAi(layers.showsAi()); // nothing of the AI is on show: all of it comes back
  assert.equal(seen(layers), "ctd");
});

test("a layer chosen anew is shown, whatever was hidden before", () => {
  const layers = layered();
  layers.hideAi(layers.showsAi());
  assert.deepEqual([layers.has("sources"), layers.shows("truth")], [false, true]);
  layers.take(KINDS.map((each) => ({ ...each, chosen: true })), layers.layers);
  assert.deepEqual([layers.shows("sources"), layers.shows("detections")], [true, true]);
  layers.toggle("truth");
  layers.take(layers.kinds, layers.layers); // the next film
  assert.equal(layers.shows("truth"), false);
});

test("a candidate is meant only on its line, and only where no other box's line is", () => {
  const ghost = { mark: { kind: "candidates" }, box: [10, 10, 60, 60], label: null };
  const solid = { mark: { kind: "detections" }, box: [0, 10, 100, 100], label: null };
  const at = (x, y) => markAt([ghost, solid], x, y)?.kind;
  assert.deepEqual([at(30, 30), at(60, 30), at(30, 11), at(99, 50)], ["detections", "candidates", "detections", "detections"]);
  assert.equal(markAt([ghost], 30, 30), null);
});

test("a source's boxes bear its letter, and no two of eight share a colour", () => {
  assert.equal(labelOf(mark({ kind: "sources", number: 1, confidence: 0.5 })), "B 0.50");
  assert.equal(labelOf(mark({ kind: "candidates", confidence: 0.5 })), "");
  const looks = [...Array(8).keys()].map((number) => lookOf({ kind: "sources", number }));
  assert.equal(new Set(looks.map(({ color }) => color)).size, 8);
  assert.deepEqual([lookOf({ kind: "sources", number: 27 }).letter, looks[7].letter], ["B1", "H"]);
});

test("the smallest box under the pointer is meant, a label before any box", () => {
  const placed = [
    { mark: "large", box: [0, 0, 100, 100], label: [0, 0, 20, 10] }, { mark: "small", box: [0, 0, 50, 50], label: null },
  ];
  assert.equal(markAt(placed, 30, 30), "small");
  assert.equal(markAt(placed, 5, 5), "large");
  assert.equal(markAt(placed, 150, 30), null);
});

test("keys are OHIF's, and only those", () => {
  assert.deepEqual(meaning("ArrowRight"), { step: 1 });
  assert.deepEqual(meaning("PageUp"), { step: -1 });
  assert.deepEqual([meaning("n"), meaning("P")], [{ step: 1 }, { step: -1 }]);
  assert.deepEqual(meaning("3"), { action: "look", number: 2 });
  assert.deepEqual(meaning("I"), { action: "invert" });
  assert.deepEqual([meaning("c"), meaning("r"), meaning("F5"), meaning("toString")], [null, null, null, null]);
});

test("a field keeps every key, a slider those that move it, a button and a tick box those that press it", () => {
  const element = (selector, localName = "div", type = "") => ({
    localName, type, closest(asked) { return asked.split(", ").includes(selector) ? this : null; },
  });
  const slider = element("input[type=range]", "input", "range");
  slider.closest = (asked) => (/(^|, )input(\[type=range\])?(,|$)/.test(asked) ? slider : null);
  const keys = ["n", "ArrowLeft", " "];
  for (const [focused, kept] of [
    [element("input", "input", "text"), [true, true, true]],
    [element("textarea", "textarea"), [true, true, true]],
    [slider, [false, true, true]],
    [element("canvas[tabindex]", "canvas"), [false, true, true]],
    [element("input", "input", "checkbox"), [false, false, true]],
    [element("button", "button"), [false, false, true]],
    [element("", "body"), [false, false, false]],
    [element(".film"), [false, false, false]],
  ]) {
    assert.deepEqual(keys.map((key) => belongsTo(focused, key)), kept, `${focused.localName} ${focused.type}`);
  }
});

// A lane whose films come when the test says so.
class SlowLane {
  constructor() { this.jobs = []; }
  run(url) { return new Promise((resolve, reject) => this.jobs.push({ url, resolve, reject })); }
  waiting() { return this.jobs.slice(1).map((job) => job.url); }
  cancel(url) {
    const place = this.jobs.findIndex((job, i) => i > 0 && job.url === url);
    return place > 0 && this.jobs.splice(place, 1).length === 1;
  }
  finish(bytes = 2) {
    const job = this.jobs.shift();
    job.resolve({ url: job.url, levels: [{ pixels: new Uint8Array(bytes) }] });
  }
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

test("a film is fetched once, by whichever lane had it first; one that only waited ahead jumps the queue", async () => {
  const store = new FilmStore(100, () => new SlowLane());
  store.wantAhead(["a", "b", "c"]);
  const [a, b] = [store.want("a"), store.want("b")];
  assert.deepEqual(store.ahead.jobs.map((job) => job.url), ["a", "c"]);
  assert.deepEqual(store.now.jobs.map((job) => job.url), ["b"]);
  store.ahead.finish();
  store.now.finish();
  assert.deepEqual([(await a).url, (await b).url], ["a", "b"]);
  store.wantAhead(["d"]);
  assert.deepEqual(store.ahead.jobs.map((job) => job.url), ["c", "d"]); // c was under way
});

test("nothing is fetched ahead while a film that is wanted is under way, also one that fails", async () => {
  const store = new FilmStore(100, () => new SlowLane());
  const lost = assert.rejects(store.want("a"), /gone/);
  store.wantAhead(["b"]);
  store.want("c");
  store.wantAhead(["d", "e"]);
  assert.deepEqual(store.ahead.jobs, []);
  store.now.jobs.shift().reject(new Error("gone"));
  await lost;
  await settled();
  assert.deepEqual(store.ahead.jobs, []);
  store.now.finish();
  await settled();
  assert.deepEqual(store.ahead.jobs.map((job) => job.url), ["d", "e"]);
});

test("beyond the limit the film wanted longest ago goes first, and a failed one may be tried again", async () => {
  const store = new FilmStore(5, () => new SlowLane());
  for (const url of ["a", "b"]) {
    store.want(url);
    store.now.finish();
    await settled();
  }
  store.want("a");
  store.want("c");
  store.now.finish();
  await settled();
  assert.deepEqual([...store.films.keys()], ["a", "c"]);
  const failed = assert.rejects(store.want("x"), /gone/);
  store.now.jobs.shift().reject(new Error("gone"));
  await failed;
  await settled();
  assert.equal(store.films.has("x"), false);
});

test("films that the reader paged past are not fetched", () => {
  const store = new FilmStore(100, () => new SlowLane());
  for (const url of ["a", "b", "c"]) {
    store.want(url);
    if (url !== "c") store.unwant(url);
  }
  store.unwant("b");
  assert.deepEqual(store.now.jobs.map((job) => job.url), ["a", "c"]);
});

test("a slider's values are asked for one at a time, and the newest is never left out", async () => {
  const asked = [];
  let answer = null;
  const pursuit = new Pursuit((value) => new Promise((resolve) => { asked.push(value); answer = resolve; }));
  let done = false;
  for (const value of [1, 2, 3]) pursuit.want(value).then(() => { done = true; });
  assert.deepEqual(asked, [1]);
  answer();
  await settled();
  assert.deepEqual([...asked, done], [1, 3, false]);
  answer();
  await settled();
  assert.equal(done, true);
  pursuit.want(4);
  assert.deepEqual(asked, [1, 3, 4]);
});

test("boxes move with the view", () => {
  assert.deepEqual(toCanvas({ x: 10, y: 20, zoom: 2 }, [10, 20, 15, 30]), [0, 0, 10, 20]);
});

function drawingOn(film) {
  const sent = [];
  const canvas = { address: { id: film }, film: { header: FILM }, view: { x: 0, y: 0, zoom: 2 }, density: 1, tool: "window",
    draw() {}, send: { drawn: (value) => sent.push(value) } };
  return { drawing: new Drawing(canvas), canvas, sent };
}

test("a reader's boxes are drawn in film pixels, held on the film, chosen by click and removed", () => {
  const { drawing, canvas, sent } = drawingOn("a");
  drawing.take({ film: "a", boxes: [], words: [], fixed: false });
  assert.equal(canvas.tool, "draw");
  drawing.stretch([60, 40], [20, 20]);
  drawing.end();
  drawing.stretch([100, 100], [999, 140]);
  drawing.end();
  drawing.stretch([10, 10], [12, 11]); // a slip of the hand
  drawing.end();
  assert.deepEqual(sent.at(-1), { film: "a", boxes: [[10, 10, 30, 20], [50, 50, 100, 70]] });
  assert.equal(drawing.pick(40, 30), true);
  assert.equal(drawing.remove(), true);
  assert.deepEqual(sent.at(-1).boxes, [[50, 50, 100, 70]]);
});

test("an older answer of the page does not undo what is drawn meanwhile, another film's does", () => {
  const { drawing, canvas } = drawingOn("a");
  drawing.take({ film: "a", boxes: [], words: [], fixed: false });
  drawing.stretch([20, 20], [60, 60]);
  drawing.end();
  drawing.take({ film: "a", boxes: [], words: [], fixed: false });
  assert.deepEqual(drawing.boxes, [[10, 10, 30, 30]]);
  drawing.take({ film: "b", boxes: [[1, 1, 9, 9]], words: [], fixed: false });
  assert.deepEqual(drawing.boxes, [[1, 1, 9, 9]]);
  drawing.take({ film: "b", boxes: [[1, 1, 9, 9]], words: ["yours"], fixed: true });
  assert.equal(canvas.tool, "window");
  assert.equal(drawing.remove(), false);
  drawing.take(null);
  assert.deepEqual(drawing.boxes, []);
});

test("a foreseen film is drawn once until Python answers, and no message about the film before it counts meanwhile", () => {
  const foresight = new Foresight(), next = { id: "b", url: "/b" };
  foresight.take([{ by: 1, film: next }]);
  assert.equal(foresight.film(1), next);
  assert.equal(foresight.film(-1), null);
  foresight.wait("a", 7);
  assert.equal(foresight.film(1), null);
  assert.equal(foresight.passesOver({ film: { id: "a" }, heard: 0, problem: "" }), true);
  assert.equal(foresight.passesOver({ film: { id: "b" }, heard: 0, problem: "" }), false); // it has come to the new film
  assert.equal(foresight.passesOver({ film: { id: "a" }, heard: 0, problem: "" }), false); // and back again
});

test("an answer that stays with the film, an error and a long silence end the waiting", () => {
  for (const message of [{ film: { id: "a" }, heard: 7, problem: "" }, { film: { id: "a" }, heard: 0, problem: "gone" }]) {
    const foresight = new Foresight();
    foresight.wait("a", 7);
    assert.equal(foresight.passesOver(message), false);
    assert.equal(foresight.waits, false);
  }
  const foresight = new Foresight();
  foresight.wait("a", 7);
  foresight.since -= 3001;
  assert.equal(foresight.passesOver({ film: { id: "a" }, heard: 0, problem: "" }), false);
});
