// The explorer itself: state, drawing, and render({model, el}) for both hosts.

let explorers = 0;

// Series names, slots (colour and dot shape) and where they come from, in a fixed order.
function slotsOf(state, table) {
  const slots = [];
  for (const column of new Set(state.panels.map((panel) => panel.series).filter(Boolean)))
    distinct(table.columns[column]).forEach((value, slot) =>
      slots.push({ column, value, slot, name: wordNumber(value) }),
    );
  return slots;
}

function makeView(model, el) {
  const view = {
    model,
    el,
    key: `cx${++explorers}`,
    hidden: new Set(),
    seeds: false,
    live: false,
    nodes: {},
    domains: new Map(),
  };
  view.onPage = model.get("host") === "page";
  adopt(view, model.get("state"));
  view.values = { ...view.defaults };
  return view;
}

// Take in a state: at the start, and again when the kernel added rows.
function adopt(view, state) {
  view.state = state;
  view.table = decodeTable(state.data);
  view.slots = slotsOf(state, view.table);
  view.domains.clear();
  view.controls = state.controls.map((control) => ({ ...control, grid: gridOf(control, view.live) }));
  view.defaults = Object.fromEntries(
    view.controls.map((control) => [control.name, snap(control.grid, control.value)]),
  );
}

// Panels and read-outs at the present values, from the records or from the closed form.
function compute(view) {
  const context = { ...view, maths, extra: view.state.extra || {} };
  if (!view.state.form) {
    const specs = view.state.panels.map((panel) => recordPanel(panel, context));
    return { specs, readouts: recordReadouts(specs) };
  }
  const form = forms[view.state.form.name];
  if (!form)
    throw new Error(
      `no closed form is called ${view.state.form.name}; there are ${Object.keys(forms).join(", ")}`,
    );
  context.column = (name) => view.table.columns[name];
  context.series = (x, y, series) => formSeries(view, x, y, series);
  const drawn = form(view.values, context);
  const rows = view.state.panels.map((panel) => recordPanel(panel, context));
  const specs = drawn.panels.map((panel, index) => ({
    ...panel,
    x: { ...panel.x },
    y: { ...panel.y },
    markers: [...(panel.markers || []), ...publishedIn(context, index)],
  }));
  return { specs: specs.concat(rows), readouts: drawn.readouts || [] };
}

// Measured points beside a closed form: averaged over seeds, one series for each value of a column.
function formSeries(view, x, y, series) {
  const { columns } = view.table;
  if (!columns[x] || !columns[y]) return [];
  const panel = { kind: "line", x, y, series };
  const context = { ...view, slots: series ? slotsOf({ panels: [panel] }, view.table) : [] };
  const rows = matching(view.table, wantedOf(panel, context));
  return seriesOf(panel, context, rows).map((one) => ({ ...one, ...averaged(panel, context, one.rows) }));
}

function draw(view) {
  const began = performance.now();
  const { nodes } = view;
  try {
    const { specs, readouts } = compute(view);
    view.specs = specs;
    arrange(view, specs.length);
    drawLegend(nodes.legend, legendNames(view, specs), view);
    nodes.panels.replaceChildren(...specs.map((spec, index) => drawPanel(view, spec, index)));
    drawReadouts(
      nodes.readouts,
      readouts.filter((one) => !view.hidden.has(one.label)),
    );
    nodes.problem.textContent = "";
  } catch (error) {
    nodes.problem.textContent = `This figure could not be drawn: ${error.message}`;
    console.error(error);
  }
  view.inputs.forEach((input, i) => input.show(view.values[view.controls[i].name]));
  nodes.seeds.setAttribute("aria-pressed", String(view.seeds));
  nodes.seeds.hidden = !(view.specs || []).some((spec) =>
    (spec.series || []).some((one) => (one.seeds || []).length > 1),
  );
  if (view.training) view.training.refresh();
  view.el.dataset.drawn = (performance.now() - began).toFixed(1);
}

function legendNames(view, specs) {
  const names = new Map();
  for (const spec of specs)
    for (const one of spec.series || []) {
      const source = view.slots.find((slot) => slot.name === one.name);
      const label = source ? metaOf(view, source.column).label : "";
      if (one.name && !names.has(one.name))
        names.set(one.name, {
          name: one.name,
          slot: one.slot || 0,
          style: one.style,
          dots: one.style === "points" || Boolean(one.n),
          label,
        });
    }
  return [...names.values()];
}

function drawPanel(view, spec, index) {
  const title = spec.title ? element("p", { class: "cx-panel-title" }, spec.title) : null;
  const panel = element("div", { class: `cx-panel cx-panel-${spec.kind}` }, title);
  if (spec.empty) return (panel.append(emptyNote(view)), panel);
  if (spec.kind === "images") return (panel.append(drawImages(spec, view)), panel);
  const shown = spec.series
    ? { ...spec, series: spec.series.filter((one) => !view.hidden.has(one.name)) }
    : spec;
  const box = element("div", { class: "cx-box" });
  const drawn = drawPlot(shown, view.panelWidth, {
    key: `${view.key}-${index}`,
    seeds: view.seeds,
    choose: view.choose,
  });
  box.append(drawn.picture);
  listen(box, shown, drawn, view);
  panel.append(box);
  if (spec.kind === "heatmap") panel.append(heatKey(spec));
  return panel;
}

function emptyNote(view) {
  const go = () => {
    const row = nearestRow(view.table, view.values, view.controls);
    for (const { name } of view.controls) {
      const column = view.table.columns[name];
      if (column && row !== null && column[row] !== null) view.values[name] = column[row];
    }
    settle(view);
  };
  return element(
    "div",
    { class: "cx-empty" },
    element("span", {}, "No run was recorded at these values."),
    element(
      "button",
      { type: "button", class: "cx-button", onclick: go },
      "Go to the nearest recorded point",
    ),
  );
}

// After any change: draw; when the hand rests, tell the kernel or put the view into the page's address
// (browsers allow only some hundred changes of the address a minute).
function settle(view) {
  draw(view);
  clearTimeout(view.timer);
  view.timer = setTimeout(() => {
    if (view.onPage) return writeAddress(view.address, addressPairs(view));
    view.model.set("values", { ...view.values });
    view.model.save_changes();
  }, 120);
}

function addressPairs(view) {
  const moved = Object.entries(view.values).filter(([name, value]) => value !== view.defaults[name]);
  if (view.seeds) moved.push(["~seeds", 1]);
  if (view.hidden.size) moved.push(["~hide", [...view.hidden].join("|")]);
  return moved;
}

function restore(view) {
  const pairs = view.onPage ? pairsFor(view.address) : null;
  view.values = { ...view.defaults };
  view.hidden = new Set(((pairs && pairs.get("~hide")) || "").split("|").filter(Boolean));
  view.seeds = Boolean(pairs && pairs.get("~seeds"));
  for (const { name, grid } of view.controls)
    if (pairs && pairs.has(name)) view.values[name] = snap(grid, pairs.get(name));
  return Boolean(pairs);
}

function actions(view) {
  view.choose = (name, value) => {
    view.values[name] = snap(view.controls.find((one) => one.name === name).grid, value);
    if (view.training) view.training.forget();
    settle(view);
  };
  view.toggleSeries = (name) => {
    if (!view.hidden.delete(name)) view.hidden.add(name);
    settle(view);
  };
  view.recorded = () => {
    const wanted = Object.fromEntries(
      Object.entries(view.values).filter(([name]) => view.table.columns[name]),
    );
    return matching(view.table, wanted).length > 0;
  };
  view.goLive = () => {
    view.live = true;
    adopt(view, view.state);
    buildInputs(view);
    draw(view);
  };
}

// The width of the page is read once and at every resize, since reading it at every step would cost a layout.
function measure(view) {
  view.width = view.nodes.panels.clientWidth || 640;
}

// Panels stand side by side where there is room: as many as fit, three at most.
function arrange(view, count) {
  const across = Math.min(count, view.width >= 960 ? 3 : view.width >= 600 ? 2 : 1);
  view.nodes.panels.style.setProperty("--across", across);
  view.panelWidth = Math.floor((view.width - 20 * (across - 1)) / across);
}

function buildInputs(view) {
  const focused = document.activeElement && document.activeElement.id;
  view.inputs = view.controls.map((control) => makeInput(control, view));
  view.nodes.controls.replaceChildren(...view.inputs.map((input) => input.node));
  view.nodes.controls.hidden = view.inputs.length === 0;
  const again = view.inputs
    .map((input) => input.node.querySelector("input, select"))
    .find((input) => input.id === focused);
  if (again) again.focus();
}

function tools(view) {
  const say = (text) => {
    view.nodes.said.textContent = text;
  };
  const button = (text, title, onclick) =>
    element("button", { type: "button", class: "cx-button", title, onclick }, text);
  const seeds = button("Seeds", "Show the individual seeds", () => {
    view.seeds = !view.seeds;
    settle(view);
  });
  const csv = button("CSV", "Download the numbers behind this figure", () => {
    download(`${view.state.id}.csv`, csvOf(view.specs));
    say("CSV saved.");
  });
  const link = button("Copy link", "Copy a link to this view", () => {
    const base = location.href.split("#")[0];
    const pairs = addressPairs(view)
      .map((pair) => pair.map(encodeURIComponent).join("="))
      .join("&");
    copyText(`${base}#${view.address}:${pairs}`).then(() => say("Link copied."));
  });
  const reset = button("Reset", "Back to the first view", () => {
    view.values = { ...view.defaults };
    view.hidden.clear();
    view.seeds = false;
    settle(view);
    say("Back to the first view.");
  });
  Object.assign(view.nodes, { seeds, said: element("span", { class: "cx-said", role: "status" }) });
  return element("div", { class: "cx-tools" }, seeds, csv, view.onPage ? link : null, reset, view.nodes.said);
}

function build(view) {
  const { state, nodes, key } = view;
  Object.assign(nodes, {
    controls: element("div", { class: "cx-controls", role: "group", "aria-label": "Controls" }),
    legend: element("div", { class: "cx-legend", role: "group", "aria-label": "Series" }),
    panels: element("div", { class: "cx-panels" }),
    readouts: element("div", { class: "cx-readouts", "aria-live": "polite" }),
    problem: element("p", { class: "cx-problem", role: "alert" }),
  });
  const title = element("p", { class: "cx-title", id: `${key}-title` }, state.title || "Explorer");
  const caption = state.caption ? element("p", { class: "cx-caption" }, state.caption) : null;
  const body = element(
    "div",
    { class: "cx", role: "group", "aria-labelledby": `${key}-title` },
    element("div", { class: "cx-head" }, title, tools(view)),
    nodes.controls,
    nodes.legend,
    nodes.panels,
    nodes.readouts,
    nodes.problem,
    caption,
  );
  view.el.replaceChildren(body);
  if (!view.onPage) {
    view.training = makeLive(view, view.model);
    nodes.controls.after(view.training.node);
  }
}

// The sprite is decoded once; panels of images are drawn when it is there.
function loadSprite(view) {
  if (!view.state.sprite) return;
  const picture = new Image();
  picture.onload = () => {
    view.picture = picture;
    draw(view);
  };
  picture.src = view.state.sprite.uri;
}

function render({ model, el }) {
  const view = makeView(model, el);
  view.address = `explorer-${view.state.id}`;
  actions(view);
  restore(view);
  build(view);
  buildInputs(view);
  measure(view);
  draw(view);
  loadSprite(view);
  const observer = new ResizeObserver(() => {
    const before = view.width;
    measure(view);
    if (Math.abs(view.width - before) >= 2) draw(view);
  });
  observer.observe(view.nodes.panels);
  const fresh = () => {
    adopt(view, model.get("state"));
    buildInputs(view);
    draw(view);
  };
  const moved = () => {
    if (restore(view)) draw(view);
  };
  model.on("change:state", fresh);
  if (view.onPage) addEventListener("hashchange", moved);
  return () => {
    observer.disconnect();
    model.off("change:state", fresh);
    removeEventListener("hashchange", moved);
  };
}
