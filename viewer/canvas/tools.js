// Small buttons on the canvas, for what keys do as well: each is named for screen readers and says whether it is on.

const BUTTONS = [
  { action: "fit", text: "Fit", label: "Fit the film to the canvas", key: "=", on: ({ view }) => view?.fitted },
  { action: "single", text: "1:1", label: "One film pixel per screen pixel", key: "0", on: ({ view }) => view?.zoom === 1 },
  { action: "double", text: "2:1", label: "Two screen pixels per film pixel", key: "9", on: ({ view }) => view?.zoom === 2 },
  { action: "box", text: "Box", label: "Draw a box by left drag", key: "x",
    on: ({ tool }) => tool === "draw", hidden: ({ drawing }) => !drawing.possible },
  { action: "ruler", text: "Ruler", label: "Measure by left drag", key: "m", on: ({ tool }) => tool === "ruler" },
  { action: "local", text: "CLAHE", label: "Local contrast", key: "l", on: ({ local }) => local },
  { action: "edge", text: "Edge", label: "Edge", key: "e", on: ({ edge }) => edge },
  { action: "unlink", text: "Link W/L", label: "Window the films side by side together", key: "w",
    on: ({ link }) => link.window, hidden: ({ link }) => link.group === null },
  { action: "vendor", text: "LUT", label: "Heed the VOI LUT and presentation LUT of the film's maker", key: "v",
    on: ({ plain }) => !plain, hidden: ({ film }) => !(film?.manners.length > 1) },
];

export class Tools {
  constructor(element, press) {
    this.buttons = BUTTONS.map(({ action, text, label, key }) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, title: `${label} (key ${key})` });
      button.setAttribute("aria-label", `${label}, key ${key}`);
      button.onclick = () => press(action);
      return button;
    });
    element.onmousedown = (event) => event.preventDefault(); // the keys stay with the film
    element.replaceChildren(...this.buttons);
  }

  // `state` of the canvas
  tell(state) {
    BUTTONS.forEach(({ on, hidden }, i) => {
      this.buttons[i].setAttribute("aria-pressed", String(Boolean(on(state))));
      this.buttons[i].hidden = Boolean(hidden?.(state));
    });
  }
}
