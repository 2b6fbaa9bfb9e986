// The marks of the plots. Each takes (spec, frame) and returns SVG; frame: {X, Y, area, seeds, hits}.
// A hit is a place that hovering and the arrow keys find: {x, y (pixels), title, lines: [{slot, text}]}.

const slotClass = (one) => `cx-c${(one.slot || 0) % 8}` + (one.dim ? " cx-dim" : "");

function wordInterval(spec, one, i) {
  const text = wordValue(one.y[i], spec.y);
  if (!one.low || one.low[i] === null || one.low[i] === undefined) return text;
  return `${text} [${wordValue(one.low[i], spec.y)}, ${wordValue(one.high[i], spec.y)}]`;
}

function bandPath(one, { X, Y }) {
  const inside = one.x
    .map((x, i) => i)
    .filter((i) => one.low && one.low[i] !== null && one.low[i] !== undefined);
  if (inside.length < 2) return "";
  const floor = (value) => (Y.axis.log && value <= 0 ? Y.axis.domain[0] : value);
  const upper = inside.map((i) => [X(one.x[i]), Y(floor(one.high[i]))]);
  const lower = inside.map((i) => [X(one.x[i]), Y(floor(one.low[i]))]).reverse();
  return pathOf(upper.concat(lower)) + "Z";
}

function drawLine(spec, frame) {
  const { X, Y, seeds } = frame;
  const layers = { bands: svg("g"), seeds: svg("g"), lines: svg("g"), dots: svg("g") };
  for (const one of spec.series) {
    const colour = slotClass(one);
    const at = one.x.map((x, i) => [X(x), Y(one.y[i])]);
    if (one.style !== "points") {
      const band = bandPath(one, frame);
      if (band) layers.bands.append(svg("path", { class: `cx-band ${colour}`, d: band }));
      const dash = one.style === "dashed" || one.level ? "6 4" : null;
      layers.lines.append(
        svg("path", {
          class: `cx-line ${colour}`,
          "data-series": one.name,
          d: pathOf(at),
          "stroke-dasharray": dash,
        }),
      );
    }
    for (const seed of seeds ? one.seeds || [] : []) {
      const d = pathOf(seed.points.map(([x, y]) => [X(x), Y(y)]));
      layers.seeds.append(svg("path", { class: `cx-seed ${colour}`, "data-seed": seed.name, d }));
    }
    if (!one.level && (one.style === "points" || (one.n && at.length <= 24)))
      layers.dots.append(drawDots(spec, one, at, frame));
  }
  frame.hits.push(...hitsAlongX(spec, frame));
  return svg("g", {}, layers.bands, layers.seeds, layers.lines, layers.dots);
}

function drawDots(spec, one, at, { Y }) {
  const group = svg("g", { class: slotClass(one) });
  at.forEach(([x, y], i) => {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    if (one.style === "points" && one.low && one.low[i] !== null && one.low[i] !== undefined)
      group.append(
        svg("path", {
          class: "cx-whisker",
          d: `M${round1(x)} ${round1(Y(one.low[i]))}V${round1(Y(one.high[i]))}`,
        }),
      );
    const chosen = spec.rule !== undefined && spec.rule === one.x[i];
    group.append(
      svg("path", { class: "cx-dot", d: dotPath(x, y, one.slot, chosen ? 5 : at.length > 60 ? 2.2 : 3.2) }),
    );
  });
  return group;
}

// One hit for every x that a series has, listing all series there.
function hitsAlongX(spec, { X, Y }) {
  const places = new Map();
  for (const one of spec.series)
    one.x.forEach((x, i) => {
      if (one.level || !Number.isFinite(Y(one.y[i]))) return;
      if (!places.has(x))
        places.set(x, {
          value: x,
          x: X(x),
          y: Infinity,
          title: `${spec.x.label || "x"} ${wordValue(x, spec.x)}`,
          lines: [],
        });
      const place = places.get(x);
      place.y = Math.min(place.y, Y(one.y[i]));
      const n = one.n && one.n[i] > 1 ? ` · ${one.n[i]} seeds` : "";
      place.lines.push({ slot: one.slot, name: one.name, text: wordInterval(spec, one, i) + n });
    });
  const hits = [...places.values()].sort((a, b) => a.x - b.x);
  for (const one of spec.series)
    if (one.level)
      for (const hit of hits)
        hit.lines.push({ slot: one.slot, name: one.name, text: wordInterval(spec, one, 0) });
  return hits;
}

function drawScatter(spec, frame) {
  const { X, Y } = frame;
  const group = svg("g");
  for (const one of spec.series) {
    const dots = svg("g", { class: slotClass(one) });
    one.x.forEach((x, i) => {
      const px = X(x),
        py = Y(one.y[i]);
      if (!Number.isFinite(px) || !Number.isFinite(py) || x === null || one.y[i] === null) return;
      dots.append(svg("path", { class: "cx-dot cx-faint", d: dotPath(px, py, one.slot, 3) }));
      const lines = [
        { slot: one.slot, name: one.name, text: `${wordValue(x, spec.x)}, ${wordValue(one.y[i], spec.y)}` },
      ];
      frame.hits.push({ x: px, y: py, plane: true, title: (one.notes && one.notes[i]) || "", lines });
    });
    group.append(dots);
  }
  frame.hits.sort((a, b) => a.x - b.x);
  return group;
}

function drawBars(spec, frame) {
  const { X, Y, seeds } = frame;
  const group = svg("g");
  const base = Y(spec.y.log ? spec.y.domain[0] : Math.max(0, spec.y.domain[0]));
  const width = Math.min((X.step * 0.76) / Math.max(spec.series.length, 1), 56);
  spec.series.forEach((one, k) =>
    one.x.forEach((x, i) => {
      const left = X(x) + width * (k - spec.series.length / 2);
      const top = Y(one.y[i]),
        middle = left + width / 2;
      const dim = spec.rule !== undefined && spec.rule !== x ? " cx-dim" : "";
      const bar = svg("g", { class: slotClass(one) + dim });
      const box = {
        x: round1(left + 1),
        y: round1(Math.min(top, base)),
        width: round1(width - 2),
        height: round1(Math.abs(base - top)),
      };
      bar.append(svg("rect", { class: "cx-bar", "data-series": one.name, ...box, rx: 1.5 }));
      if (one.low && one.low[i] !== null && one.low[i] !== undefined) {
        const cap = Math.min(5, width / 4);
        const [low, high] = [round1(Y(one.low[i])), round1(Y(one.high[i]))];
        bar.append(
          svg("path", {
            class: "cx-error",
            d: `M${round1(middle)} ${low}V${high}M${round1(middle - cap)} ${high}h${round1(2 * cap)}M${round1(middle - cap)} ${low}h${round1(2 * cap)}`,
          }),
        );
      }
      for (const seed of seeds ? one.seeds || [] : [])
        for (const [place, y] of seed.points)
          if (place === x)
            bar.append(
              svg("path", { class: "cx-seed-dot", "data-seed": seed.name, d: dotPath(middle, Y(y), 0, 2.5) }),
            );
      group.append(bar);
      const n = one.n && one.n[i] > 1 ? ` · ${one.n[i]} seeds` : "";
      frame.hits.push({
        value: x,
        x: middle,
        y: top,
        title: wordNumber(x),
        lines: [{ slot: one.slot, name: one.name, text: wordInterval(spec, one, i) + n }],
      });
    }),
  );
  frame.hits.sort((a, b) => a.x - b.x);
  return group;
}

function drawHistogram(spec, frame) {
  const { X, Y } = frame;
  const group = svg("g");
  for (const one of spec.series) {
    const outline = one.counts.flatMap((count, i) => [
      [X(one.edges[i]), Y(count)],
      [X(one.edges[i + 1]), Y(count)],
    ]);
    const ends = [[X(one.edges[0]), Y(0)], ...outline, [X(one.edges[one.edges.length - 1]), Y(0)]];
    group.append(svg("path", { class: `cx-band ${slotClass(one)}`, d: pathOf(ends) + "Z" }));
    group.append(
      svg("path", { class: `cx-line cx-thin ${slotClass(one)}`, "data-series": one.name, d: pathOf(ends) }),
    );
  }
  const first = spec.series[0];
  for (let i = 0; first && i < first.counts.length; i++) {
    const lines = spec.series.map((one) => ({
      slot: one.slot,
      name: one.name,
      text: wordNumber(one.counts[i]),
    }));
    const top = Math.max(...spec.series.map((one) => one.counts[i]));
    const title = `${wordValue(first.edges[i], spec.x, 3)} to ${wordValue(first.edges[i + 1], spec.x, 3)}`;
    frame.hits.push({ x: (X(first.edges[i]) + X(first.edges[i + 1])) / 2, y: Y(top), title, lines });
  }
  return group;
}

// Published values: a diamond at a point, a dashed level where there is no x.
function drawMarkers(spec, { X, Y, area }) {
  const group = svg("g", { class: "cx-published" });
  for (const one of spec.markers || []) {
    const y = Y(one.y),
      level = one.x === null || one.x === undefined;
    const x = level ? area.right : X(one.x);
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (level)
      group.append(svg("path", { class: "cx-level", d: `M${area.left} ${round1(y)}H${area.right}` }));
    else group.append(svg("path", { class: "cx-diamond", d: dotPath(x, y, "diamond", 5) }));
    const right = level || x > area.left + 0.6 * (area.right - area.left);
    const label = {
      x: round1(level ? x - 4 : x + (right ? -10 : 10)),
      y: round1(level ? y - 5 : y + 4),
      "text-anchor": right ? "end" : "start",
    };
    group.append(svg("text", { class: "cx-marker-label", ...label }, one.label || "published"));
  }
  return group;
}
