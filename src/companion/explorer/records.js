// From tidy records to panels: rows are filtered by the controls, then averaged over seeds.
// context: { state, table, values, controls, slots, domains }.

const metaOf = (context, name) => (context.state.columns && context.state.columns[name]) || { label: name };

// The controls that filter a panel are those it does not use as an axis or as its series.
function wantedOf(panel, context) {
  const used = [panel.x, panel.y, panel.series, panel.value];
  const wanted = {};
  for (const { name } of context.controls) if (!used.includes(name)) wanted[name] = context.values[name];
  return Object.assign(wanted, panel.fix);
}

// An axis keeps its range while other controls move, so that what moves is the data.
function axisOf(panel, context, name, role) {
  const meta = metaOf(context, name);
  const key = `${context.state.panels.indexOf(panel)}/${role}`;
  if (!context.domains.has(key)) {
    const rows = matching(context.table, panel.fix || {});
    const cells = rows.map((row) => context.table.columns[name][row]).flat();
    const log = panel["log_" + role];
    const values = distinct(cells);
    const categories = role === "x" && values.some((value) => typeof value !== "number") ? values : null;
    const domain = extent(cells, log, role === "x" ? 0.03 : 0.06);
    const ticks =
      role === "x" && !Array.isArray(context.table.columns[name][rows[0]]) && values.length < 9
        ? values
        : null;
    const high = distinct(cells).reduce((most, cell) => Math.max(most, cell), -Infinity);
    context.domains.set(key, { log, domain, categories, ticks, high });
  }
  const { high, ...range } = context.domains.get(key);
  const axis = { ...meta, ...range };
  const share = { histogram: "x", heatmap: "value" }[panel.kind] || "y";
  if (panel.percent && role === share) axis.percent = true;
  if (axis.percent && axis.domain && high <= 1) axis.domain = [axis.domain[0], Math.min(axis.domain[1], 1)];
  if (role === "y" && axis.domain) axis.domain = [panel.low ?? axis.domain[0], panel.high ?? axis.domain[1]];
  return axis;
}

function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return groups;
}

// The (x, y) points of one row: one, or a whole curve where the cells are lists.
function pointsOf(panel, columns, row) {
  const y = columns[panel.y][row];
  const x = panel.x ? columns[panel.x][row] : null;
  if (!Array.isArray(y)) return [[x, y]];
  return y.map((value, i) => [Array.isArray(x) ? x[i] : i + 1, value]);
}

// Mean, interval and seeds of a group of rows along x.
function averaged(panel, context, rows) {
  const { columns } = context.table;
  const seedColumn = columns[context.state.seed];
  const samples = new Map(),
    seeds = new Map();
  for (const row of rows) {
    const seed = seedColumn ? seedColumn[row] : row;
    for (const [x, y] of pointsOf(panel, columns, row)) {
      if (y === null) continue;
      if (!samples.has(x)) samples.set(x, []);
      samples.get(x).push(y);
      if (!seeds.has(seed)) seeds.set(seed, []);
      seeds.get(seed).push([x, y]);
    }
  }
  const order = [...samples.keys()];
  if (order.every((x) => typeof x === "number")) order.sort((a, b) => a - b);
  const summary = order.map((x) => interval95(samples.get(x)));
  const lines = [...seeds].map(([name, points]) => ({ name, points: points.sort((a, b) => a[0] - b[0]) }));
  return {
    x: order,
    y: summary.map((one) => one.mean),
    low: summary.map((one) => one.low),
    high: summary.map((one) => one.high),
    n: summary.map((one) => one.n),
    seeds: lines,
  };
}

const interval95 = (sample) => maths.interval(sample, 0.95);

// The groups of a panel's rows by series, in the fixed order of the whole table.
function seriesOf(panel, context, rows) {
  if (!panel.series) return [{ name: "", slot: 0, rows }];
  const column = context.table.columns[panel.series];
  const groups = groupBy(rows, (row) => column[row]);
  const chosen = context.values[panel.series];
  return context.slots
    .filter((one) => one.column === panel.series && groups.has(one.value))
    .map((one) => ({
      name: one.name,
      slot: one.slot,
      rows: groups.get(one.value),
      dim: chosen !== undefined && chosen !== one.value,
    }));
}

// Rows without x (a baseline that does not depend on it) become a level line across the panel.
function levelled(series, axis) {
  if (!series.x.length || series.x.some((x) => x !== null)) return series;
  const ends = axis.categories
    ? [axis.categories[0], axis.categories[axis.categories.length - 1]]
    : axis.domain;
  const twice = (value) => [value[0], value[0]];
  const seeds = series.seeds.map((seed) => ({
    name: seed.name,
    points: ends.map((x) => [x, seed.points[0][1]]),
  }));
  return {
    x: ends,
    y: twice(series.y),
    low: twice(series.low),
    high: twice(series.high),
    n: twice(series.n),
    seeds,
    level: true,
  };
}

function linePanel(panel, context, rows) {
  const columns = context.table.columns;
  const x = panel.x ? axisOf(panel, context, panel.x, "x") : curveAxis(panel, context);
  const y = axisOf(panel, context, panel.y, "y");
  const series = seriesOf(panel, context, rows).map((one) => {
    const curve = levelled(averaged(panel, context, one.rows), x);
    if (curve.x.includes(null)) throw new Error(`${panel.x} is missing in some rows of "${one.name}" only`);
    return { ...one, ...curve };
  });
  const rule = panel.x && panel.x in context.values && columns[panel.x] ? context.values[panel.x] : undefined;
  return { x, y, series, rule, ruleControl: rule === undefined ? null : panel.x };
}

// Curves without an x column run over 1, 2, 3, ...
function curveAxis(panel, context) {
  const longest = context.table.columns[panel.y].reduce(
    (n, curve) => Math.max(n, curve ? curve.length : 0),
    1,
  );
  const label = panel.x_label || "step";
  return { label, log: panel.log_x, domain: extent([1, longest], panel.log_x, 0.02), short: label };
}

function scatterPanel(panel, context, rows) {
  const { columns } = context.table;
  const series = seriesOf(panel, context, rows).map((one) => ({
    ...one,
    style: "points",
    x: one.rows.map((row) => columns[panel.x][row]),
    y: one.rows.map((row) => columns[panel.y][row]),
    notes: one.rows.map((row) => noteOf(context, row)),
  }));
  return { x: axisOf(panel, context, panel.x, "x"), y: axisOf(panel, context, panel.y, "y"), series };
}

// What tells one row from another: the factors that differ and are no axis.
function noteOf(context, row) {
  const names = [context.state.seed, ...context.controls.map((one) => one.name)];
  return names
    .filter((name) => context.table.columns[name])
    .map((name) => `${metaOf(context, name).label} ${wordNumber(context.table.columns[name][row])}`)
    .join(", ");
}

function barsPanel(panel, context, rows) {
  const axis = axisOf(panel, context, panel.x, "x");
  const categories = axis.categories || distinct(context.table.columns[panel.x]);
  const y = axisOf(panel, context, panel.y, "y");
  if (y.domain && !y.log)
    y.domain = [panel.low ?? Math.min(0, y.domain[0]), panel.high ?? Math.max(0, y.domain[1])];
  const series = seriesOf(panel, context, rows).map((one) => ({
    ...one,
    ...averaged(panel, context, one.rows),
  }));
  return { x: { ...axis, categories }, y, series, rule: context.values[panel.x] };
}

function histogramPanel(panel, context, rows) {
  const x = axisOf(panel, context, panel.x, "x");
  const [low, high] = x.domain || [0, 1];
  const bins = panel.bins || 24;
  const edges = maths.linspace(low, high, bins + 1);
  const series = seriesOf(panel, context, rows).map((one) => {
    const sample = one.rows
      .map((row) => context.table.columns[panel.x][row])
      .flat()
      .filter((value) => value !== null);
    return { ...one, edges, counts: maths.histogram(sample, low, high, bins), n: sample.length };
  });
  return { x: { ...x, ticks: null }, y: { label: "count" }, series };
}

function heatmapPanel(panel, context, rows) {
  const { columns } = context.table;
  const x = distinct(columns[panel.x]),
    y = distinct(columns[panel.y]);
  const cells = groupBy(rows, (row) => JSON.stringify([columns[panel.x][row], columns[panel.y][row]]));
  const z = y.map((b) =>
    x.map((a) => {
      const sample = (cells.get(JSON.stringify([a, b])) || [])
        .map((row) => columns[panel.value][row])
        .filter((v) => v !== null);
      return sample.length ? interval95(sample).mean : null;
    }),
  );
  const colour = axisOf(panel, context, panel.value, "value");
  return {
    x: { ...metaOf(context, panel.x), categories: x },
    y: { ...metaOf(context, panel.y), categories: y },
    z,
    colour,
    diverging: panel.diverging,
    rule: context.values[panel.x],
    cross: context.values[panel.y],
  };
}

function imagesPanel(panel, context, rows) {
  const { columns } = context.table;
  const tiles = rows
    .filter((row) => columns[panel.image][row] !== null)
    .slice(0, panel.most || 60)
    .map((row) => ({
      sprite: columns[panel.image][row],
      label: panel.label ? wordNumber(columns[panel.label][row]) : "",
    }));
  return { tiles, across: panel.across };
}

const recordPanels = {
  line: linePanel,
  scatter: scatterPanel,
  bars: barsPanel,
  histogram: histogramPanel,
  heatmap: heatmapPanel,
  images: imagesPanel,
};

// The published values that belong into a panel at the present values of the controls.
function publishedIn(context, index) {
  const applies = (where) =>
    Object.entries(where || {}).every(([name, value]) => context.values[name] === value);
  return (context.state.published || []).filter((one) => (one.panel || 0) === index && applies(one.where));
}

// One drawable panel of the records at the present values, with the published points that belong there.
function recordPanel(panel, context) {
  const rows = matching(context.table, wantedOf(panel, context));
  const drawn = recordPanels[panel.kind](panel, context, rows);
  const markers = publishedIn(context, context.state.panels.indexOf(panel));
  return { kind: panel.kind, title: panel.title, markers, empty: rows.length === 0, ...drawn };
}

// The read-outs, of the panel whose x is a control or else of the first: each series there, or at the largest x.
function recordReadouts(specs) {
  const able = specs.filter((one) => ["line", "bars"].includes(one.kind) && !one.empty);
  const spec = able.find((one) => one.rule !== undefined) || able[0];
  if (!spec) return [];
  const numeric = spec.series.flatMap((one) => one.x).filter((x) => typeof x === "number");
  const x = spec.rule !== undefined ? spec.rule : numeric.length ? Math.max(...numeric) : undefined;
  return spec.series
    .map((one) => {
      const i = one.level ? 0 : one.x.indexOf(x);
      if (i < 0 || x === undefined) return null;
      const at = `${spec.y.label}, mean [95\u202f% interval] · ${spec.x.label}: ${wordValue(x, spec.x)}`;
      return {
        label: one.name || spec.y.label,
        at,
        value: one.y[i],
        low: one.low[i],
        high: one.high[i],
        n: one.n[i],
        axis: spec.y,
        slot: one.slot,
      };
    })
    .filter(Boolean);
}
