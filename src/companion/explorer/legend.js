// The legend (buttons that hide a series) and the read-outs.

function swatch({ slot, style, dots }) {
  return svg(
    "svg",
    { viewBox: "0 0 22 12", class: `cx-swatch cx-c${slot % 8}`, "aria-hidden": "true" },
    style === "points"
      ? null
      : svg("path", {
          class: "cx-line",
          d: "M1 6H21",
          "stroke-dasharray": style === "dashed" ? "5 3" : null,
        }),
    dots ? svg("path", { class: "cx-dot", d: dotPath(11, 6, slot, 3.4) }) : null,
  );
}

// The series of all panels, each once. names: [{name, slot, column}].
function drawLegend(node, names, view) {
  const heading = [...new Set(names.map((one) => one.label).filter(Boolean))].join(" · ");
  const buttons = names.map((one) =>
    element(
      "button",
      {
        type: "button",
        class: "cx-chip",
        "aria-pressed": String(!view.hidden.has(one.name)),
        "data-series": one.name,
        onclick: () => view.toggleSeries(one.name),
      },
      swatch(one),
      one.name,
    ),
  );
  const shape = names.map((one) => one.name).join("\n");
  if (node.dataset.shape === shape) {
    [...node.querySelectorAll("button")].forEach((button, i) =>
      button.setAttribute("aria-pressed", buttons[i].getAttribute("aria-pressed")),
    );
    return;
  }
  node.dataset.shape = shape;
  node.hidden = names.length < 2;
  node.replaceChildren(heading ? element("span", { class: "cx-legend-title" }, heading) : "", ...buttons);
}

function drawReadouts(node, readouts) {
  node.hidden = readouts.length === 0;
  const places = [...new Set(readouts.map((one) => one.at).filter(Boolean))];
  const heading = places.length ? element("div", { class: "cx-at" }, places.join(", ")) : "";
  node.replaceChildren(
    heading,
    ...readouts.map((one) => {
      const axis = one.axis || { unit: one.unit, percent: one.percent };
      const ranged = one.low !== null && one.low !== undefined;
      const range = ranged ? `[${wordValue(one.low, axis)}, ${wordValue(one.high, axis)}]` : "";
      const fine = [range, one.n > 1 ? `${one.n}\u00a0seeds` : ""].filter(Boolean).join(" · ");
      return element(
        "div",
        { class: `cx-readout ${one.slot === undefined ? "" : `cx-c${one.slot % 8}`}` },
        element("span", {}, one.label),
        element("b", {}, wordValue(one.value, axis)),
        fine ? element("small", {}, fine) : null,
      );
    }),
  );
}
