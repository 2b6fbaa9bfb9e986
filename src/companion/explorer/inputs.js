// The controls: native inputs with labels. A slider moves over a grid of values, never between them.

const tidyNumber = (value) => Number(value.toPrecision(12));

// The values between low and high: steps of the control, or 60 even factors where it is logarithmic.
function gridBetween({ low, high, step, log, integer, value }) {
  if (low === null || low === undefined || high === null || high === undefined) return [];
  if (log && !step) {
    const grid = maths
      .logspace(low, high, 61)
      .map((value) => (integer ? Math.round(value) : Number(value.toPrecision(3))));
    return [...new Set([low, ...grid.slice(1, -1), high, value])].sort((a, b) => a - b);
  }
  const width = step || (integer ? Math.max(1, Math.round((high - low) / 100)) : (high - low) / 100);
  const count = Math.floor((high - low) / width + 1e-9);
  const even = Array.from({ length: count + 1 }, (_, i) => tidyNumber(low + i * width));
  return [...new Set([...even, tidyNumber(value)])].sort((a, b) => a - b);
}

// Recorded values on a static page; with a kernel that trains, the declared range as well.
function gridOf(control, live) {
  const recorded = control.values || [];
  if (control.kind === "toggle") return [false, true];
  if (control.kind === "choice") return control.choices;
  if (recorded.length && !live) return recorded;
  return [...new Set(recorded.concat(gridBetween(control)))].sort((a, b) => a - b);
}

// The entry of a grid that is nearest to a value.
function snap(grid, value) {
  if (grid.includes(value)) return value;
  const wanted = Number(value);
  if (!grid.every((one) => typeof one === "number") || Number.isNaN(wanted))
    return grid.find((one) => String(one) === String(value)) ?? grid[0];
  return grid.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best));
}

// One control in the page: { node, show() } where show() brings the input to the present value.
function makeInput(control, view) {
  const make = { slider: makeSlider, choice: makeChoice, toggle: makeToggle }[control.kind];
  const id = `${view.key}-${control.name}`;
  const label = element("label", { for: id, class: "cx-label" }, control.label);
  const help = control.help ? element("span", { class: "cx-help", id: `${id}-help` }, control.help) : null;
  const attributes = {
    id,
    name: control.name,
    "data-lm-suppress-shortcuts": "true",
    "aria-describedby": help && help.id,
  };
  const { body, show } = make(control, view, attributes, label);
  const node = element(
    "div",
    { class: `cx-control cx-${control.kind}`, "data-control": control.name, title: control.help || null },
    ...body,
    help,
  );
  return { node, show };
}

function makeSlider(control, view, attributes, label) {
  const output = element("output", { for: attributes.id });
  const input = element("input", {
    ...attributes,
    type: "range",
    min: 0,
    max: Math.max(control.grid.length - 1, 0),
    step: 1,
    disabled: control.grid.length < 2,
    oninput: () => view.choose(control.name, control.grid[Number(input.value)]),
  });
  const recorded = control.values || [];
  const few = recorded.length > 1 && recorded.length <= 24;
  const ticks = element(
    "div",
    { class: "cx-ticks", "aria-hidden": "true" },
    ...(few ? recorded : []).map((value) =>
      element("i", { style: `left:${(100 * control.grid.indexOf(value)) / (control.grid.length - 1)}%` }),
    ),
  );
  const show = (value) => {
    const word = wordValue(value, { unit: control.unit });
    input.value = control.grid.indexOf(value);
    input.setAttribute("aria-valuetext", word);
    input.style.setProperty("--part", `${(100 * input.value) / Math.max(control.grid.length - 1, 1)}%`);
    output.textContent = word;
  };
  return { body: [element("div", { class: "cx-row" }, label, output), input, ticks], show };
}

function makeChoice(control, view, attributes, label) {
  const options = control.choices.map((value, i) => element("option", { value: i }, wordNumber(value)));
  const input = element(
    "select",
    {
      ...attributes,
      disabled: options.length < 2,
      onchange: () => view.choose(control.name, control.choices[Number(input.value)]),
    },
    ...options,
  );
  return {
    body: [label, input],
    show: (value) => {
      input.value = control.choices.indexOf(value);
    },
  };
}

function makeToggle(control, view, attributes, label) {
  const input = element("input", {
    ...attributes,
    type: "checkbox",
    onchange: () => view.choose(control.name, input.checked),
  });
  return {
    body: [element("div", { class: "cx-row cx-check" }, input, label)],
    show: (value) => {
      input.checked = value;
    },
  };
}
