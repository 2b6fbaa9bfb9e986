// Closed forms of proxygrad: ascents on the toys, and the landscape of a deep network of one input beside its proxy's.

// phi_a(z) and the slope that the backward pass uses; at z = 0 both take a, as PyTorch does.
const phi = (z, a) => (z > 0 ? z : a * z);
const phiSlope = (z, a) => (z > 0 ? 1 : a);
const clampTo = (x, box) => Math.min(Math.max(x, -box), box);

// The slope of the backward pass after a share of the steps; in two stages the true gradient follows.
const slopeAt = (values, share) => (values.two_stage && share >= 0.5 ? values.a_f || 0 : values.a_b);

// f(x) = w1 relu(x - c) + w2 relu(-x) in the box [-box, box]. A raw step moves x by eta * raw * gradient, a normalised
// one by eta * unit; in T4 x is the answer of an edge filter with six weights of 1/6, and the step is the image's.
const HINGES = {
  "T1: a lone ReLU": { w1: 1, w2: 0, c: 0, box: 2, raw: 1, unit: 1, axis: "x" },
  "T2: the wrong maximum": { c: 1, box: 2, raw: 1, unit: 1, axis: "x" },
  "T4: the wrong edge": { c: 0.25, box: 1, raw: 1 / 6, unit: 1 / Math.sqrt(6), axis: "u, what the edge filter answers" },
};

function climbHinges(toy, values, a_b) {
  const { eta = 0.05, steps = 200, normalise = false, a_f = 0 } = values;
  const f = (x) => toy.w1 * phi(x - toy.c, a_f) + toy.w2 * phi(-x, a_f);
  const push = (x, a) => toy.w1 * phiSlope(x - toy.c, a) - toy.w2 * phiSlope(-x, a);
  const x = [clampTo(values.x0, toy.box)];
  for (let k = 0; k < steps; k++) {
    const g = push(x[k], slopeAt({ ...values, a_b }, k / steps));
    x.push(clampTo(x[k] + eta * (normalise ? Math.sign(g) * toy.unit : g * toy.raw), toy.box));
  }
  return { x, f: x.map(f), push };
}

registerForm("two_hinges", (values, { maths }) => {
  const preset = HINGES[values.toy] || HINGES["T2: the wrong maximum"];
  const toy = { w1: values.w1, w2: values.w2, ...preset };
  const { a_b, a_f = 0 } = values;
  const chosen = climbHinges(toy, values, a_b), plain = climbHinges(toy, values, a_f);
  const grid = maths.linspace(-toy.box, toy.box, 161), slopes = maths.linspace(0, 1, 101);
  const curve = (a) => grid.map((x) => toy.w1 * phi(x - toy.c, a) + toy.w2 * phi(-x, a));
  const every = Math.max(1, Math.ceil(chosen.x.length / 40));
  const shown = chosen.x.map((_, k) => k).filter((k) => k % every === 0 || k === chosen.x.length - 1);
  const ends = slopes.map((a) => climbHinges(toy, values, a).f.at(-1));
  const highest = Math.max(...curve(a_f)), threshold = toy.w2 / toy.w1;
  const time = chosen.x.map((_, k) => k);
  return {
    panels: [
      {
        kind: "line", title: "The function, its proxy, and the way of the ascent",
        x: { label: toy.axis }, y: { label: "Value" },
        series: [
          { name: "f, the function", x: grid, y: curve(a_f), slot: 1 },
          { name: "p, the proxy", x: grid, y: curve(a_b), slot: 0, style: "dashed" },
          { name: "the ascent", x: shown.map((k) => chosen.x[k]), y: shown.map((k) => chosen.f[k]), slot: 2,
            style: "points" },
        ],
      },
      {
        kind: "line", title: "Value of f at every step", x: { label: "Step" }, y: { label: "f" },
        series: [
          { name: "gradient of the proxy", x: time, y: chosen.f, slot: 0 },
          { name: "plain gradient", x: time, y: plain.f, slot: 1, style: "dashed" },
        ],
      },
      {
        kind: "line", title: "Where the ascent ends, for every slope",
        x: { label: "Backward slope" }, y: { label: "f at the end", domain: [0, 1.05 * highest] }, rule: a_b,
        series: [
          { name: "f at the end", x: slopes, y: ends, slot: 0 },
          ...(threshold > 0 && threshold <= 1
            ? [{ name: "w2 / w1", x: [threshold, threshold], y: [0, highest], slot: 3, style: "dashed" }] : []),
        ],
      },
    ],
    readouts: [
      { label: "gradient at the start", value: chosen.push(chosen.x[0], a_b) },
      { label: "threshold w2 / w1", value: threshold },
      { label: "ends at", value: chosen.x.at(-1) },
      { label: "f at the end", value: chosen.f.at(-1) },
      { label: "largest f in the box", value: highest },
      { label: "steps to cross 0 from the start",
        value: chosen.x[0] < 0 ? (chosen.x.some((x) => x > 0) ? chosen.x.findIndex((x) => x > 0) : "never") : "–" },
    ],
  };
});

// T3: four edge filters (Prewitt / 6), each read at one place of a 15 x 15 image.
const SIDE = 15;
const EDGE = [-1, 0, 1].map(() => [-1 / 6, 0, 1 / 6]);
const DETECTORS = [
  { row: 7, column: 5, kernel: EDGE },
  { row: 7, column: 9, kernel: EDGE.map((line) => line.map((w) => -w)) },
  { row: 5, column: 7, kernel: EDGE[0].map((_, j) => EDGE.map((line) => line[j])) },
  { row: 9, column: 7, kernel: EDGE[0].map((_, j) => EDGE.map((line) => -line[j])) },
];
const overWindow = ({ row, column, kernel }, visit) =>
  kernel.forEach((line, i) => line.forEach((w, j) => visit(row + i - 1, column + j - 1, w)));

// Standard normal numbers from a seed: mulberry32 and Box-Muller.
function normalNumbers(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

function detectorStart(name, seed) {
  const normal = normalNumbers(seed);
  const square = { "bright square": 0.5, "dark square": -0.5 }[name];
  const inside = (k) => k >= 6 && k <= 8;
  return Array.from({ length: SIDE }, (_, r) => Array.from({ length: SIDE }, (_, c) => {
    if (name === "noise") return clampTo(0.3 * normal(), 1);
    return square && inside(r) && inside(c) ? square : 0;
  }));
}

// The places and weights of each detector's window in the image as one row.
const WINDOWS = DETECTORS.map((one) => {
  const window = [];
  overWindow(one, (r, c, w) => window.push([r * SIDE + c, w]));
  return window;
});

function climbDetector(values, a_b, keep = []) {
  const { eta = 0.1, steps = 200, normalise = false, a_f = 0 } = values;
  const image = Float64Array.from(detectorStart(values.start, values.noise).flat());
  const frame = () => Array.from({ length: SIDE }, (_, r) => Array.from(image.subarray(r * SIDE, (r + 1) * SIDE)));
  const answers = () => WINDOWS.map((window) => window.reduce((sum, [at, w]) => sum + w * image[at], 0));
  const score = (z) => z.reduce((sum, one) => sum + phi(one, a_f), 0);
  let z = answers();
  const f = [score(z)], frames = keep.includes(0) ? [frame()] : [], gradient = new Float64Array(SIDE * SIDE);
  for (let k = 0; k < steps; k++) {
    const a = slopeAt({ ...values, a_b }, k / steps);
    gradient.fill(0);
    WINDOWS.forEach((window, d) => {
      const slope = phiSlope(z[d], a);
      if (slope) for (const [at, w] of window) gradient[at] += slope * w;
    });
    let norm = 0;
    for (const g of gradient) norm += g * g;
    norm = Math.sqrt(norm);
    const step = normalise ? (norm > 0 ? eta / norm : 0) : eta;
    for (let at = 0; at < gradient.length; at++)
      if (gradient[at]) image[at] = clampTo(image[at] + step * gradient[at], 1);
    z = answers();
    f.push(score(z));
    if (keep.includes(k + 1)) frames.push(frame());
  }
  return { f, frames };
}

registerForm("edge_detector", (values, { maths }) => {
  const { a_b, a_f = 0, steps = 200 } = values;
  const keep = [...new Set([0, 0.05, 0.1, 0.25, 0.5, 1].map((share) => Math.round(share * steps)))];
  const chosen = climbDetector(values, a_b, keep), plain = climbDetector(values, a_f, keep);
  const slopes = maths.linspace(0, 1, 26);
  const time = chosen.f.map((_, k) => k);
  const tiles = (run) => run.frames.map((image, k) => ({
    values: image, low: -1, high: 1, map: "grey", label: "step " + keep[k] + ": " + run.f[keep[k]].toFixed(2),
  }));
  return {
    panels: [
      { kind: "images", title: "With the chosen slope", across: keep.length, tiles: tiles(chosen) },
      { kind: "images", title: "With the plain gradient", across: keep.length, tiles: tiles(plain) },
      {
        kind: "line", title: "Value of f at every step", x: { label: "Step" },
        y: { label: "f", domain: [-0.2, 4.2], fixed: true },
        series: [
          { name: "chosen slope", x: time, y: chosen.f, slot: 0 },
          { name: "plain gradient", x: time, y: plain.f, slot: 1, style: "dashed" },
        ],
      },
      {
        kind: "line", title: "Where the ascent ends, for every slope", x: { label: "Backward slope" },
        y: { label: "f at the end", domain: [-0.2, 4.2], fixed: true }, rule: a_b,
        series: [
          { name: "f at the end", x: slopes, y: slopes.map((a) => climbDetector(values, a).f.at(-1)), slot: 0 },
        ],
      },
    ],
    readouts: [
      { label: "f at the end", value: chosen.f.at(-1) },
      { label: "f at the end, plain gradient", value: plain.f.at(-1) },
      { label: "largest f in the box", value: 4 },
    ],
  };
});

// A network of one input: layers of [weights: [out][in], biases: [out]]. Values of f (ReLU) and p (slope a), and the
// derivatives of f, of p, and of the local reading, whose slopes follow the signs in f.
function deepAt(layers, x, a) {
  let f = [x], p = [x], df = [1], dp = [1], local = [1];
  layers.forEach(([weights, biases], depth) => {
    const through = (v, withBias) =>
      weights.map((row, i) => row.reduce((sum, w, j) => sum + w * v[j], withBias ? biases[i] : 0));
    const zf = through(f, true), zp = through(p, true);
    [df, dp, local] = [df, dp, local].map((v) => through(v, false));
    if (depth === layers.length - 1) {
      f = zf;
      p = zp;
      return;
    }
    df = df.map((v, i) => v * phiSlope(zf[i], 0));
    local = local.map((v, i) => v * phiSlope(zf[i], a));
    dp = dp.map((v, i) => v * phiSlope(zp[i], a));
    f = zf.map((z) => phi(z, 0));
    p = zp.map((z) => phi(z, a));
  });
  return { f: f[0], p: p[0], df: df[0], dp: dp[0], local: local[0] };
}

// Interior local maxima of a sampled curve.
const countMaxima = (y) =>
  y.filter((v, k) => k > 1 && y[k - 1] - y[k - 2] > 1e-12 && v - y[k - 1] <= 1e-12).length;

function climbDeep(layers, values, reading) {
  const { x0, eta = 0.05, steps = 60, box = 3 } = values;
  const x = [x0], f = [deepAt(layers, x0, 0).f];
  for (let k = 0; k < steps; k++) {
    const g = deepAt(layers, x[k], slopeAt({ ...values, a_f: 0 }, k / steps))[reading];
    x.push(clampTo(x[k] + eta * (1 - k / steps) * Math.sign(g), box));
    f.push(deepAt(layers, x[k + 1], 0).f);
  }
  return { x, f, best: Math.max(...f) };
}

registerForm("deep_landscape", (values, { maths, extra }) => {
  const layers = extra.networks[values.depth][values.network - 1];
  const { a_b, x0, reading = "proxy" } = values, box = extra.box || 3;
  const grid = maths.linspace(-box, box, 401);
  const at = grid.map((x) => deepAt(layers, x, a_b));
  const f = at.map((one) => one.f), p = at.map((one) => one.p);
  // What the local reading climbs: in one dimension its field has an integral, drawn through f at the start.
  const climbed = grid.map(() => 0);
  for (let k = 1; k < grid.length; k++)
    climbed[k] = climbed[k - 1] + 0.5 * (at[k].local + at[k - 1].local) * (grid[1] - grid[0]);
  const near = grid.reduce((best, x, k) => (Math.abs(x - x0) < Math.abs(grid[best] - x0) ? k : best), 0);
  const local = climbed.map((v) => v - climbed[near] + f[near]);
  const settings = { ...values, box };
  const runs = {
    "plain gradient": climbDeep(layers, settings, "df"),
    "local reading": climbDeep(layers, settings, "local"),
    "proxy reading": climbDeep(layers, settings, "dp"),
  };
  const shown = runs[reading + " reading"];
  const every = Math.max(1, Math.ceil(shown.x.length / 40));
  const kept = shown.x.map((_, k) => k).filter((k) => k % every === 0);
  return {
    panels: [
      {
        kind: "line", title: "The network and what each reading climbs",
        x: { label: "Input x" }, y: { label: "Value" }, rule: x0,
        series: [
          { name: "f, the network", x: grid, y: f, slot: 1 },
          { name: "p, the proxy", x: grid, y: p, slot: 0, style: "dashed" },
          { name: "integral of the local reading", x: grid, y: local, slot: 3, style: "dashed" },
          { name: "the ascent", x: kept.map((k) => shown.x[k]), y: kept.map((k) => shown.f[k]), slot: 2,
            style: "points" },
        ],
      },
      {
        kind: "line", title: "Value of f at every step", x: { label: "Step" }, y: { label: "f" },
        series: Object.entries(runs).map(([name, run], k) => ({
          name, x: run.f.map((_, i) => i), y: run.f, slot: [1, 3, 0][k], style: k ? undefined : "dashed",
        })),
      },
    ],
    readouts: [
      { label: "local maxima of f", value: countMaxima(f) },
      { label: "local maxima of the proxy", value: countMaxima(p) },
      { label: "best f, plain gradient", value: runs["plain gradient"].best },
      { label: "best f, local reading", value: runs["local reading"].best },
      { label: "best f, proxy reading", value: runs["proxy reading"].best },
      { label: "largest f in the box", value: Math.max(...f) },
    ],
  };
});
