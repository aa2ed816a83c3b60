// A slider that reports while it is dragged: one message is under way at a time, and the newest value is always sent.
const PATIENCE = 600; // ms without an answer after which the next value is sent all the same
const sliders = new WeakMap(); // mount point -> LiveSlider

export default function (component) {
  const place = component.parentElement;
  if (!sliders.has(place)) sliders.set(place, new LiveSlider(place));
  sliders.get(place).update(component);
  return () => sliders.get(place)?.leave();
}

class LiveSlider {
  constructor(place) {
    this.input = place.querySelector("input");
    this.label = place.querySelector("label");
    this.output = place.querySelector("output");
    Object.assign(this, { serial: 0, sent: 0, held: false, saidHeld: false, timer: 0, send: null, digits: 2 });
    this.input.addEventListener("input", () => this.#moved());
    this.input.addEventListener("pointerdown", () => { this.held = true; });
    for (const end of ["pointerup", "pointercancel", "change", "blur"]) {
      this.input.addEventListener(end, () => this.#released());
    }
  }

  update({ data, setStateValue }) {
    this.send = setStateValue;
    this.digits = data.digits;
    this.serial = Math.max(this.serial, data.heard);
    this.sent = Math.max(this.sent, data.heard);
    this.label.firstChild.textContent = data.label;
    this.label.title = data.meaning;
    Object.assign(this.input, { min: data.low, max: data.high, step: data.step, disabled: data.disabled });
    this.input.setAttribute("aria-label", data.label);
    this.input.setAttribute("aria-description", data.meaning);
    if (data.heard < this.sent) return; // an older answer: the newest is still under way
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.serial > this.sent) this.#report();
    else if (!this.held) this.input.value = data.value;
    this.#show();
  }

  leave() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  #moved() {
    this.serial += 1;
    this.#show();
    if (!this.timer) this.#report();
  }

  // The page waits for the end of a drag with what need not follow it, so the end is said even without another value.
  #released() {
    this.held = false;
    if (this.saidHeld) this.#moved();
  }

  #report() {
    this.sent = this.serial;
    this.saidHeld = this.held;
    this.send("moved", { value: Number(this.input.value), serial: this.serial, held: this.held });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (this.serial > this.sent) this.#report();
    }, PATIENCE);
  }

  #show() {
    const text = Number(this.input.value).toFixed(this.digits);
    this.output.textContent = text;
    this.input.setAttribute("aria-valuetext", text);
  }
}
