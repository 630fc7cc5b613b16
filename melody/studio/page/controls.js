// The settings, made from what the server says of them: a setting that is new there is a control here without a line.

/**
 * @typedef {object} Setting
 * @property {string} id
 * @property {string} name
 * @property {string} label
 * @property {string} help
 * @property {"whole" | "number" | "switch" | "text" | "instruments"} kind
 * @property {number | null} low
 * @property {number | null} high
 * @property {string[]} choices
 * @property {string[]} suggestions
 * @property {any} default
 * @property {"music" | "more" | "drawing"} place
 */
/** @typedef {{name: string, family: string}} Instrument */
/** @typedef {{settings: Setting[], drawing: Setting[], instruments: Instrument[], limits: {bytes: number, candidates: number}, verbs: import("./compose.js").Verb[], model: string, programs: string[], song: boolean}} Form */

const SLIDES = 10; // a range of numbers up to here is a slider
const KEPT = "melody.settings";
const OPEN = "Any";

/** @param {string} tag @param {Record<string, any>} facts @param {(Node | string)[]} children @returns {any} */
export function element(tag, facts = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (name in made && name !== "list") /** @type {any} */ (made)[name] = value;
    else made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** @param {Form} form @param {HTMLElement} music @param {HTMLElement} more @param {(verbs: string[]) => void} changed */
export function createControls(form, music, more, changed) {
  /** @type {Map<string, () => any>} */
  const values = new Map();
  const drawing = new Set(form.drawing.map((s) => s.id));
  /** @type {Record<string, any>} */
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");

  for (const setting of [...form.settings, ...form.drawing]) (setting.place === "music" ? music : more).append(control(setting));

  /** @param {Setting} setting */
  function control(setting) {
    const id = `set-${setting.id}`;
    const before = kept[setting.id];
    const label = element("label", { htmlFor: id, title: setting.help }, setting.label);
    if (setting.kind === "instruments") return instruments(setting, before ?? "");
    if (setting.kind === "switch") {
      const box = element("input", { type: "checkbox", id, checked: before ?? setting.default ?? false });
      values.set(setting.id, () => (box.checked === setting.default ? null : box.checked));
      box.addEventListener("change", keep);
      return element("div", { className: "field switch", title: setting.help }, box, label);
    }
    const slides = setting.kind === "number" && setting.low !== null && setting.high !== null && setting.high <= SLIDES;
    const input = setting.choices.length ? choice(id, setting, before) : entry(id, setting, before, slides);
    input.addEventListener("change", keep);
    values.set(setting.id, () => valueOf(setting, input, slides));
    const field = element("div", { className: "field", title: setting.help }, label, input);
    if (slides) {
      const shown = element("output", { htmlFor: id });
      const show = () => (shown.value = input.dataset.set === "1" ? input.value : String(setting.default ?? "–"));
      input.addEventListener("input", () => ((input.dataset.set = "1"), show()));
      show();
      label.append(" ", shown);
    }
    if (setting.suggestions.length) {
      field.append(element("datalist", { id: `${id}-list` }, ...setting.suggestions.map((s) => element("option", { value: s }))));
    }
    return field;
  }

  /** @param {string} id @param {Setting} setting @param {any} before */
  function choice(id, setting, before) {
    const options = [element("option", { value: "" }, OPEN), ...setting.choices.map((c) => element("option", { value: c }, c))];
    const input = element("select", { id }, ...options);
    input.value = setting.choices.includes(before) ? before : (setting.default ?? "");
    return input;
  }

  /** @param {string} id @param {Setting} setting @param {any} before @param {boolean} slides */
  function entry(id, setting, before, slides) {
    const numeric = setting.kind === "whole" || setting.kind === "number";
    const type = slides ? "range" : numeric ? "number" : "text";
    const input = element("input", { type, id, autocomplete: "off" });
    if (setting.suggestions.length) input.setAttribute("list", `${id}-list`);
    if (numeric) {
      if (setting.low !== null) input.min = String(setting.low);
      if (setting.high !== null) input.max = String(setting.high);
      input.step = setting.kind === "whole" ? "1" : slides ? "0.01" : "any";
    }
    const shown = setting.name === "seed" ? "Random" : setting.default === null ? OPEN : String(setting.default);
    if (!slides) input.placeholder = shown;
    if (slides) input.value = String(before ?? setting.default ?? setting.low);
    else if (before !== undefined && before !== null) input.value = String(before);
    if (slides && before !== undefined && before !== null) input.dataset.set = "1";
    return input;
  }

  /** @param {Setting} setting @param {HTMLInputElement} input @param {boolean} slides */
  function valueOf(setting, input, slides) {
    if (slides && input.dataset.set !== "1") return null;
    const text = input.value.trim();
    if (!text) return null;
    return setting.kind === "whole" || setting.kind === "number" ? Number(text) : text;
  }

  /** Instruments as chips: what was chosen, and a list to add from. @param {Setting} setting @param {string} before */
  function instruments(setting, before) {
    let chosen = before.split(",").filter(Boolean);
    const id = `set-${setting.id}`;
    const chips = element("div", { className: "chips", role: "group", "aria-label": setting.label });
    const groups = new Map();
    for (const { name, family } of form.instruments) groups.set(family, [...(groups.get(family) ?? []), name]);
    const options = [...groups].map(([family, names]) =>
      element("optgroup", { label: family }, ...names.map((/** @type {string} */ n) => element("option", { value: n }, n === "drums" ? "Drums" : n))),
    );
    const add = element("select", { id }, element("option", { value: "" }, "Add an instrument"), ...options);
    const show = () => {
      chips.replaceChildren(
        ...chosen.map((name, index) => {
          const chip = element("button", { type: "button", className: "chip", "aria-label": `Remove ${name}` }, name, element("span", { "aria-hidden": "true" }, "×"));
          chip.addEventListener("click", () => {
            chosen = chosen.filter((_, i) => i !== index);
            show();
            keep();
            add.focus();
          });
          return chip;
        }),
      );
      chips.hidden = !chosen.length;
    };
    add.addEventListener("change", () => {
      if (add.value) chosen = [...chosen, add.value];
      add.value = "";
      show();
      keep();
    });
    values.set(setting.id, () => (chosen.length ? chosen.join(",") : null));
    show();
    return element("div", { className: "field", title: setting.help }, element("label", { htmlFor: id }, setting.label), chips, add);
  }

  function all() {
    return Object.fromEntries([...values].map(([name, value]) => [name, value()]).filter(([, value]) => value !== null));
  }

  function keep() {
    localStorage.setItem(KEPT, JSON.stringify(all()));
    changed(Object.keys(all()));
  }

  return {
    /** What is set, by id: of the music, and of how values are drawn. */
    values() {
      const entries = Object.entries(all());
      return {
        values: Object.fromEntries(entries.filter(([name]) => !drawing.has(name))),
        drawing: Object.fromEntries(entries.filter(([name]) => drawing.has(name))),
      };
    },
  };
}
