// A slider: what follows it hears of every value at once, Python of the one at which it is let go.
//
// Python is told when what follows has answered: else the run of the page would take its time from the answer.
const PATIENCE = 400; // ms that Python waits at the most
const sliders = new WeakMap(); // mount point -> LiveSlider

export default function (component) {
  const place = component.parentElement;
  if (!sliders.has(place)) sliders.set(place, new LiveSlider(place));
  sliders.get(place).update(component);
}

class LiveSlider {
  constructor(place) {
    this.input = place.querySelector("input");
    this.label = place.querySelector("label");
    this.output = place.querySelector("output");
    Object.assign(this, { serial: 0, reported: null, held: false, digits: 2 });
    const listen = (name, act) => this.input.addEventListener(name, act);
    for (const begin of ["pointerdown", "keydown"]) listen(begin, () => { this.held = true; });
    for (const end of ["pointerup", "pointercancel", "keyup", "blur"]) listen(end, () => this.#letGo());
    listen("input", () => this.#moved());
    listen("change", () => { if (!this.held) this.#report(); }); // moved by neither pointer nor key
  }

  update({ data, setStateValue }) {
    this.send = setStateValue;
    Object.assign(this, { digits: data.digits, setting: data.setting });
    this.label.firstChild.textContent = data.label;
    this.label.title = data.meaning;
    Object.assign(this.input, { min: data.low, max: data.high, step: data.step, disabled: data.disabled });
    this.input.setAttribute("aria-label", data.label);
    this.input.setAttribute("aria-description", data.meaning);
    const late = data.heard < this.serial; // an older answer: the newest is still under way
    this.serial = Math.max(this.serial, data.heard);
    if (!late && !this.held) {
      this.input.value = data.value;
      this.reported = this.input.value;
    }
    this.#show();
  }

  #moved() {
    this.#show();
    const detail = { setting: this.setting, value: Number(this.input.value) };
    document.dispatchEvent(new CustomEvent("groundglass-live", { detail }));
    this.answered = detail.answered;
  }

  #letGo() {
    this.held = false;
    this.#report();
  }

  async #report() {
    if (this.input.value === this.reported) return;
    this.reported = this.input.value;
    const serial = (this.serial += 1);
    await Promise.race([this.answered, new Promise((resolve) => { setTimeout(resolve, PATIENCE); })]);
    if (serial === this.serial) this.send("moved", { value: Number(this.reported), serial });
  }

  #show() {
    const text = Number(this.input.value).toFixed(this.digits);
    this.output.textContent = text;
    this.input.setAttribute("aria-valuetext", text);
  }
}
