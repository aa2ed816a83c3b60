// Where the labels of boxes go so that they can be read: greedy, first come first placed. Pure functions of rectangles
// [x0, y0, x1, y1] on the canvas.

// One rectangle per box, or null for a box out of view. `sizes` are [[width, height]], `taken` what must stay free.
export function placeLabels(boxes, sizes, canvas, taken = []) {
  const placed = [...taken];
  return boxes.map((box, i) => {
    if (!overlap(box, [0, 0, canvas.width, canvas.height]) && !touches(box, canvas)) return null;
    const best = candidates(box, sizes[i], canvas)
      .map((rectangle, order) => ({ rectangle, cost: cost(rectangle, order, placed) }))
      .reduce((a, b) => (b.cost < a.cost ? b : a)).rectangle;
    placed.push(best);
    return best;
  });
}

// Above, below, beside and inside the box's corners, in order of preference, each moved inside the canvas.
function candidates([x0, y0, x1, y1], [w, h], canvas) {
  const gap = 2;
  const corners = [
    [x0, y0 - h - gap], [x1 - w, y0 - h - gap], [x0, y1 + gap], [x1 - w, y1 + gap], [x1 + gap, y0], [x0 - w - gap, y0],
    [x1 + gap, y1 - h], [x0 - w - gap, y1 - h],
    [x0 + gap, y0 + gap], [x1 - w - gap, y0 + gap], [x0 + gap, y1 - h - gap], [x1 - w - gap, y1 - h - gap],
    [x0, y0 - 2 * h - 2 * gap], [x0, y1 + h + 2 * gap], [x0 + gap, y0 + h + 2 * gap],
  ];
  return corners.map(([x, y]) => {
    const left = Math.max(0, Math.min(x, canvas.width - w)), top = Math.max(0, Math.min(y, canvas.height - h));
    return [left, top, left + w, top + h];
  });
}

// Area hidden, then order; being moved into the canvas shows as overlap or not at all.
function cost(rectangle, order, placed) {
  return placed.reduce((sum, other) => sum + overlap(rectangle, other), 0) * 100 + order;
}

export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return width > 0 && height > 0 ? width * height : 0;
}

// A box without area still lies in view.
function touches([x0, y0, x1, y1], canvas) {
  return x1 >= 0 && y1 >= 0 && x0 <= canvas.width && y0 <= canvas.height;
}
