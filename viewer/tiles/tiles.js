// A grid of pictures with boxes; what the reader opens is told to Python. Every text is set as text, never as markup.
const SVG = "http://www.w3.org/2000/svg";
const ROOM = 0.1, MOST = 0.87; // shares of a frame: the height that letters need, and how far from a side they may begin
const shown = new WeakMap(); // mount point -> what it shows, as text

export default function (component) {
  const { data, parentElement: place, setTriggerValue } = component;
  const grid = place.querySelector(".tiles"), wanted = JSON.stringify(data.tiles);
  grid.style.setProperty("--least", `calc(${data.least}px * var(--scale, 1))`);
  grid.onclick = (event) => {
    const tile = event.target.closest(".tile");
    if (tile) setTriggerValue("opened", tile.dataset.id);
  };
  if (shown.get(place) === wanted) return;
  shown.set(place, wanted);
  grid.replaceChildren(...data.tiles.map(made));
  grid.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function made(tile) {
  const button = part("button", "tile");
  button.type = "button";
  button.dataset.id = tile.id;
  button.setAttribute("aria-label", [tile.title, ...tile.lines].join(", "));
  if (tile.current) button.setAttribute("aria-current", "true");
  const frame = part("span", "frame"), words = part("span", "words");
  if (tile.url) frame.append(picture(tile, frame), drawing(tile), ...letters(tile));
  else frame.append(part("span", "problem", tile.problem));
  words.append(part("span", "title", tile.title), ...tile.lines.map((line) => part("span", "line", line)));
  button.append(frame, words);
  return button;
}

function part(name, kind, text = "") {
  const element = document.createElement(name);
  element.className = kind;
  element.textContent = text;
  return element;
}

// A picture that does not come is replaced by the server's sentence, and its boxes go with it.
function picture(tile, frame) {
  const image = document.createElement("img");
  Object.assign(image, { alt: "", loading: "lazy", decoding: "async" });
  image.onerror = async () => {
    let sentence = "The picture did not come: reload the page.";
    try {
      const answer = await fetch(tile.url);
      if (!answer.ok) sentence = await answer.text();
    } catch (error) { /* the sentence above says it */ }
    frame.replaceChildren(part("span", "problem", sentence));
  };
  image.src = tile.url;
  return image;
}

// The verdicts at the corners of boxes that reach into the picture: above those of the AI, below those of the truth, so
// that boxes in one place keep theirs apart; inside where there is no room.
function letters({ shapes, aspect }) {
  const [wide, high] = aspect >= 1 ? [1, 1 / aspect] : [aspect, 1];
  const seen = ({ letters: text, box: [x0, y0, x1, y1] }) => text && x0 < 1 && y0 < 1 && x1 > 0 && y1 > 0;
  return shapes.filter(seen).map(({ letters: text, box, colour, dashed }) => {
    const [left, top, right, bottom] = box.map((share, i) => {
      const side = i % 2 ? high : wide;
      return (1 - side) / 2 + Math.min(Math.max(share, 0), 1) * side;
    });
    const element = part("span", "letters", text), per = (share) => `${100 * share}%`;
    const across = dashed ? { right: per(Math.min(1 - right, MOST)) } : { left: per(Math.min(left, MOST)) };
    const above = top > ROOM ? { bottom: per(1 - top) } : { top: per(top) };
    const below = bottom < 1 - ROOM ? { top: per(bottom) } : { bottom: per(1 - bottom) };
    Object.assign(element.style, { color: colour, ...across, ...(dashed ? below : above) });
    return element;
  });
}

// Boxes [x0, y0, x1, y1] in shares of the picture; the picture is centred in its square frame, as `object-fit` does it.
function drawing({ shapes, aspect }) {
  const svg = document.createElementNS(SVG, "svg");
  const [width, height] = aspect >= 1 ? [1000, 1000 / aspect] : [1000 * aspect, 1000];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const shape of shapes) {
    const [x0, y0, x1, y1] = shape.box;
    for (const [colour, more] of [["#000000", 2], [shape.colour, 0]]) {
      const box = document.createElementNS(SVG, "rect");
      const values = { x: x0 * width, y: y0 * height, width: (x1 - x0) * width, height: (y1 - y0) * height, fill: "none",
        stroke: colour, "stroke-width": (shape.strong ? 2.5 : 1.5) + more, "vector-effect": "non-scaling-stroke",
        "stroke-opacity": more ? 0.6 : 1, ...(shape.dashed ? { "stroke-dasharray": "6 4" } : {}) };
      for (const [name, value] of Object.entries(values)) box.setAttribute(name, value);
      svg.append(box);
    }
  }
  return svg;
}
