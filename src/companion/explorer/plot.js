// The frame of a plot: axes, grid, the rule of the chosen x, and what hovering or the arrow keys show.

const marks = {
  line: drawLine,
  scatter: drawScatter,
  bars: drawBars,
  histogram: drawHistogram,
  heatmap: drawHeatmap,
};

// Fill in the ranges that a closed form or a filtered record left open.
function settleAxes(spec) {
  const drawn = spec.series || [];
  const level = (spec.markers || []).map((one) => one.y);
  const low = drawn.flatMap((one) => one.low || []),
    high = drawn.flatMap((one) => one.high || []);
  const ys =
    spec.kind === "histogram" ? drawn.flatMap((one) => one.counts).concat(0) : drawn.flatMap((one) => one.y);
  const xs = spec.kind === "histogram" ? drawn.flatMap((one) => one.edges) : drawn.flatMap((one) => one.x);
  if (!spec.y.categories && !spec.y.domain) spec.y.domain = extent(ys.concat(level, low, high), spec.y.log);
  if (spec.kind === "histogram" && spec.y.domain) spec.y.domain[0] = 0;
  if (!spec.x.categories && !spec.x.domain)
    spec.x.domain = extent(xs, spec.x.log, spec.kind === "scatter" ? 0.05 : 0.01);
  if (spec.y.domain && !spec.y.log && level.length && !spec.y.fixed) {
    const reach = extent(level, false, 0) || spec.y.domain;
    spec.y.domain = [Math.min(spec.y.domain[0], reach[0]), Math.max(spec.y.domain[1], reach[1])];
  }
}

// Rough width of a text of 12 px; measuring in the page would force a layout at every step.
const textWidth = (text) => 6.7 * String(text).length;

const tickWord = (axis) => (tick) =>
  axis.percent ? wordNumber(Number((100 * tick).toPrecision(6))) : wordNumber(tick);

function drawAxes(spec, { X, Y, area }) {
  const group = svg("g", { class: "cx-axes", "aria-hidden": "true" });
  const wordX = tickWord(spec.x),
    wordY = tickWord(spec.y);
  let last = Infinity;
  for (const tick of Y.ticks(Math.max(2, Math.round((area.bottom - area.top) / 34)))) {
    const y = round1(Y(tick));
    if (Math.abs(y - last) < 13) continue;
    last = y;
    if (!Y.axis.categories)
      group.append(svg("path", { class: "cx-grid", d: `M${area.left} ${y}H${area.right}` }));
    group.append(svg("text", { x: area.left - 8, y: y + 4, "text-anchor": "end" }, wordY(tick)));
  }
  group.append(svg("path", { class: "cx-axis", d: `M${area.left} ${area.bottom}H${area.right}` }));
  if (X.axis.log && !X.axis.ticks)
    group.append(
      svg("path", {
        class: "cx-axis",
        d: minorTicks(X)
          .map((x) => `M${x} ${area.bottom}v2.5`)
          .join(""),
      }),
    );
  let free = -Infinity;
  const inOrder = [...X.ticks(Math.max(2, Math.round((area.right - area.left) / 72)))].sort(
    (a, b) => X(a) - X(b),
  );
  for (const tick of inOrder) {
    const x = round1(X(tick));
    const word = clipped(wordX(tick), X.step);
    if (!X.axis.categories) group.append(svg("path", { class: "cx-axis", d: `M${x} ${area.bottom}v4` }));
    if (x - textWidth(word) / 2 < free) continue;
    free = x + textWidth(word) / 2 + 5;
    group.append(svg("text", { x, y: area.bottom + 18, "text-anchor": "middle" }, word));
  }
  group.append(
    svg(
      "text",
      {
        class: "cx-axis-title",
        x: (area.left + area.right) / 2,
        y: area.bottom + 37,
        "text-anchor": "middle",
      },
      axisTitle(spec.x),
    ),
  );
  group.append(
    svg(
      "text",
      { class: "cx-axis-title", x: area.left, y: area.top - 12, "text-anchor": "start" },
      axisTitle(spec.y),
    ),
  );
  return group;
}

// Places of the factors 2 to 9 of every power of ten.
function minorTicks(X) {
  const [low, high] = X.axis.domain,
    places = [];
  for (let e = Math.floor(Math.log10(low)); 10 ** e < high; e++)
    for (let k = 2; k < 10; k++)
      if (k * 10 ** e > low && k * 10 ** e < high) places.push(round1(X(k * 10 ** e)));
  return places;
}

function clipped(word, room) {
  if (!room || textWidth(word) <= room + 4) return word;
  return word.slice(0, Math.max(3, Math.floor(room / 6.7) - 1)) + "…";
}

// The places of the frame in pixels; the left margin follows the widest label.
function layOut(spec, width) {
  const height = Math.round(Math.min(Math.max(width * 0.62, 215), 330));
  const probe = makeScale(spec.y, [height - 48, 30]);
  const labels = probe.ticks(5).map(tickWord(spec.y)).map(textWidth);
  const left = Math.min(Math.max(...labels, 14) + 12, width * 0.4);
  return { left: Math.round(left), right: width - 12, top: 30, bottom: height - 48, width, height };
}

// Draw one panel that has axes. view: {seeds, choose(name, value)}; returns the <svg>.
function drawPlot(spec, width, view) {
  settleAxes(spec);
  const area = layOut(spec, width);
  const frame = {
    X: makeScale(spec.x, [area.left, area.right]),
    Y: makeScale(spec.y, [area.bottom, area.top]),
    area,
    seeds: view.seeds,
    hits: [],
  };
  const clip = `${view.key}-clip`;
  const inner = svg("g", { "clip-path": `url(#${clip})`, class: "cx-marks" }, marks[spec.kind](spec, frame));
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${area.width} ${area.height}`,
      width: area.width,
      height: area.height,
      class: "cx-plot",
      tabindex: 0,
      role: "img",
      "data-lm-suppress-shortcuts": "true",
      "aria-label": describe(spec),
    },
    svg(
      "clipPath",
      { id: clip },
      svg("rect", {
        x: area.left - 6,
        y: area.top - 6,
        width: area.right - area.left + 12,
        height: area.bottom - area.top + 6 + (spec.kind === "line" || spec.kind === "scatter" ? 6 : 0),
      }),
    ),
    drawAxes(spec, frame),
    drawRule(spec, frame),
    inner,
    spec.kind === "heatmap" ? null : drawMarkers(spec, frame),
  );
  return { picture, frame };
}

function drawRule(spec, { X, area }) {
  if (spec.kind !== "line" || spec.rule === undefined || !Number.isFinite(X(spec.rule))) return null;
  const x = round1(X(spec.rule));
  return svg("path", { class: "cx-rule", "data-x": spec.rule, d: `M${x} ${area.top}V${area.bottom}` });
}

// The sentence a screen reader says for a plot.
function describe(spec) {
  const names = (spec.series || []).map((one) => one.name).filter(Boolean);
  const what = spec.kind === "heatmap" ? spec.colour.label : axisTitle(spec.y);
  return (
    `${spec.title ? spec.title + ": " : ""}${what} against ${axisTitle(spec.x)}` +
    (names.length ? `; series ${names.join(", ")}` : "") +
    ". The arrow keys read the points."
  );
}

// Hovering, clicking and the arrow keys: a tooltip at the nearest hit; a click sets the control of the x axis.
function listen(panel, spec, { picture, frame }, view) {
  const { hits, area } = frame;
  const tip = element("div", { class: "cx-tip", hidden: true, role: "status" });
  const ring = svg("circle", { class: "cx-ring", r: 6, visibility: "hidden" });
  picture.append(ring);
  let at = -1;
  const hide = () => {
    tip.hidden = true;
    at = -1;
    ring.setAttribute("visibility", "hidden");
  };
  const show = (index) => {
    at = Math.min(Math.max(index, 0), hits.length - 1);
    if (at < 0) return;
    const hit = hits[at];
    tip.replaceChildren(
      element("b", {}, hit.title),
      ...hit.lines.map((line) =>
        element(
          "span",
          { class: line.slot === undefined ? "" : `cx-c${line.slot % 8}` },
          element("i", {}),
          line.name ? line.name + " " : "",
          element("em", {}, line.text),
        ),
      ),
    );
    tip.hidden = false;
    const left = hit.x < area.width / 2;
    tip.style.left = left ? `${hit.x + 12}px` : "auto";
    tip.style.right = left ? "auto" : `${area.width - hit.x + 12}px`;
    tip.style.top = `${Math.max(4, Math.min(hit.y - 12, area.bottom - 40 - 20 * hit.lines.length))}px`;
    furnish(ring, { cx: hit.x, cy: hit.y, visibility: "visible" }, []);
  };
  const nearest = (event) => {
    const box = picture.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const cost = (hit) => (hit.plane ? (hit.x - x) ** 2 + (hit.y - y) ** 2 : Math.abs(hit.x - x));
    return hits.reduce((best, hit, i) => (best < 0 || cost(hit) < cost(hits[best]) ? i : best), -1);
  };
  picture.addEventListener("pointermove", (event) => show(nearest(event)));
  picture.addEventListener("pointerleave", hide);
  picture.addEventListener("blur", hide);
  picture.addEventListener("click", (event) => {
    const hit = hits[nearest(event)];
    if (spec.ruleControl && hit) view.choose(spec.ruleControl, hit.value);
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") hide();
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    show(at < 0 && step === -1 ? hits.length - 1 : at + step);
  });
  panel.append(tip);
}
