// Closed forms of edge_line: filter sets with their span, what a host learns with N filters, Oriented Dashes.

// The order of the kernels: the first N of it are the set of size N (companion.edge_line.banks has the same).
const QUARTERS = [0, 90, 45, 135], EIGHTHS = [22.5, 112.5, 67.5, 157.5];
const SIXTEENTHS = [11.25, 101.25, 56.25, 146.25, 33.75, 123.75, 78.75, 168.75];
const MIXED = "+e0 +l90 +e90 +l0 -e0 -e90 +l45 +l135 +e45 -e45 +e135 -e135 -l0 -l90 -l45 -l135".split(" ");
const SHIFTS = ["N", "S", "W", "E", "NW", "NE", "SW", "SE", "centre"];
const PLACES = ["NW", "N", "NE", "W", "centre", "E", "SW", "S", "SE"];
const signed = (letter, angles) => ["+", "-"].flatMap((sign) => angles.map((angle) => sign + letter + angle));

function setNames(family, count) {
  if (family === "random") return Array.from({ length: count }, (_, i) => "r" + i);
  if (family === "translating") return SHIFTS.slice(0, count).sort((a, b) => PLACES.indexOf(a) - PLACES.indexOf(b));
  const between = (letter) => signed(letter, EIGHTHS);
  const one = (letter) => [
    ...signed(letter, QUARTERS.slice(0, 2)), ...signed(letter, QUARTERS.slice(2)),
    ...between(letter), ...signed(letter, SIXTEENTHS),
  ];
  return (family === "edge+line" ? [...MIXED, ...between("e"), ...between("l")] : one(family[0])).slice(0, count);
}

// A small generator of random numbers from [0, 1) (mulberry32), the same in every browser.
function randomNumbers(seed) {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const rows = (flat) => [flat.slice(0, 3), flat.slice(3, 6), flat.slice(6, 9)];
const size = (kernel) => kernel.flat().reduce((sum, w) => sum + Math.abs(w), 0);

// The kernels of a set; the oriented ones come from the form "filter_bank" of predefined_filters, at 16 angles.
function filterSet({ family = "edge+line", n_filters = 9, seed = 0 }, context) {
  const names = setNames(family, n_filters);
  if (family === "translating") return names.map((name) => rows(PLACES.map((place) => (place === name ? 1 : 0))));
  if (family === "random") {
    const next = randomNumbers(seed + 1);
    return names.map(() => {
      const kernel = rows(Array.from({ length: 9 }, () => 2 * next() - 1));
      return kernel.map((row) => row.map((w) => w / size(kernel)));
    });
  }
  const bank = forms.filter_bank({ families: "edge+line", n_angles: 16, pairs: true }, context).panels[0].tiles;
  return names.map((name) => {
    const angle = Math.round(Number(name.slice(2)) / 11.25);
    return bank[(name[1] === "l" ? 32 : 0) + 2 * angle + (name[0] === "+" ? 1 : 0)].values;
  });
}

registerForm("filter_set", (values, context) => {
  const family = values.family || "edge+line";
  const count = Math.min(values.n_filters || 9, family === "translating" ? 9 : 32);
  const kernels = filterSet({ ...values, family, n_filters: count }, context);
  const names = setNames(family, count).map((name) => name.replace("-", "−"));
  const spectrum = context.maths.singularValues(kernels.map((kernel) => kernel.flat()));
  const all = Array.from({ length: 9 }, (_, i) => (spectrum[i] > 1e-9 ? spectrum[i] : 0));
  const most = Math.max(...kernels.flat(2).map(Math.abs));
  return {
    panels: [
      {
        kind: "images", title: "The kernels (blue negative, red positive)", across: 8,
        tiles: kernels.map((kernel, i) => ({ values: kernel, low: -most, high: most, map: "diverging", label: names[i] })),
      },
      {
        kind: "bars", title: "Singular values of the set",
        x: { label: "Number", categories: all.map((_, i) => i + 1) }, y: { label: "Singular value" },
        series: [{ name: "", x: all.map((_, i) => i + 1), y: all, slot: 0 }],
      },
    ],
    readouts: [
      { label: "filters", value: count },
      { label: "dimensions they span, of 9", value: all.filter((s) => s > 1e-6 * all[0]).length },
      { label: "learned numbers, in per cent of a dense 3x3 layer", value: count / 9, percent: true },
    ],
  };
});

// Hosts at width 64 and 224 pixels: sums over the 3x3 layers of n_in n_out and n_in (also times output pixels),
// learned numbers and multiply-adds of all else, without the classifier, and the features that it reads.
const HOSTS = {
  ResNet18: {
    pairs: 1220608, inputs: 3392, products: 186253312, maps: 1417472, largest: 200704,
    numbers: 191040, operations: 137281536, features: 512,
  },
  DenseNet121: {
    pairs: 237568, inputs: 7424, products: 138084352, maps: 4315136, largest: 401408,
    numbers: 4815744, operations: 1590378496, features: 1024,
  },
};

function hostCost({ host = "ResNet18", classes = 102, mode = "every filter", bn_mid = "none" }, filters) {
  const one = HOSTS[host], met = mode === "every filter" ? filters : 1;
  const norm = bn_mid === "affine" ? 2 * met * one.inputs : 0;
  const rest = one.numbers + (one.features + 1) * classes, operations = one.operations + one.features * classes;
  return {
    learned: rest + met * one.pairs + norm, dense: rest + 9 * one.pairs,
    products: operations + met * (one.products + 9 * one.maps), denseProducts: operations + 9 * one.products,
    map: met * one.largest,
  };
}

const exactly = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");

registerForm("filter_parameters", (values) => {
  const chosen = values.n_filters || 9;
  const counts = Array.from({ length: 32 }, (_, i) => i + 1);
  const costs = counts.map((filters) => hostCost(values, filters)), here = costs[chosen - 1];
  const plot = (title, label, unit, ours, dense) => ({
    kind: "line", title, rule: chosen,
    x: { label: "Filters", domain: [1, 32], ticks: [1, 4, 9, 16, 24, 32] }, y: { label, domain: [0, Math.max(...ours, ...dense) * 1.05] },
    series: [
      { name: "with fixed filters", x: counts, y: ours, slot: 0 },
      { name: "dense host", x: counts, y: dense, slot: 1, style: "dashed" },
    ],
  });
  const millions = (key) => costs.map((cost) => cost[key] / 1e6);
  const difference = here.learned - here.dense;
  return {
    panels: [
      plot("Learned numbers", "Millions", "", millions("learned"), millions("dense")),
      plot("Multiply-adds for one image", "Millions", "", millions("products"), millions("denseProducts")),
    ],
    readouts: [
      { label: "learned with fixed filters", value: exactly(here.learned), slot: 0 },
      { label: "learned by the dense host", value: exactly(here.dense), slot: 1 },
      { label: "difference", value: (difference < 0 ? "−" : difference > 0 ? "+" : "") + exactly(Math.abs(difference)) },
      { label: "multiply-adds, of the dense host's", value: here.products / here.denseProducts, percent: true },
      { label: "numbers in the largest intermediate map", value: exactly(here.map) },
    ],
  };
});

const SIDE = 48, CELL = 8, LENGTH = 5;
const DASH_KERNELS = {
  "lines (H and V)": [[[-1, -1, -1], [2, 2, 2], [-1, -1, -1]], [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]]],
  edges: [[[-1, -1, -1], [0, 0, 0], [1, 1, 1]], [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]],
  shifts: [[[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 0]]],
};

// One image by the rule of the data set (not the authors' random numbers): matrix and dashes of both orientations.
function drawDashes(next) {
  for (;;) {
    const image = Array.from({ length: SIDE }, () => new Array(SIDE).fill(0)), count = [0, 0];
    for (let ix = 1; ix <= 4; ix++) for (let iy = 1; iy <= 4; iy++) {
      if (next() >= 0.5) continue;
      const horizontal = next() < 0.5, [freeX, freeY] = horizontal ? [0.1, 0.5] : [0.8, 0.2];
      const x = Math.floor((ix + freeX * next()) * CELL), y = Math.floor((iy + freeY * next()) * CELL);
      for (let i = 0; i < LENGTH; i++) image[y + (horizontal ? 0 : i)][x + (horizontal ? i : 0)] = 1;
      count[horizontal ? 0 : 1]++;
    }
    if (count[0] !== count[1]) return { image, horizontal: count[0], vertical: count[1], label: count[0] > count[1] };
  }
}

// The responses of one kernel: every lit pixel adds the kernel, turned round, to the map (the border stays dark).
function respond(image, kernel, relu) {
  const map = image.map((row) => row.map(() => 0));
  image.forEach((row, y) => row.forEach((lit, x) => {
    if (lit) for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) map[y - i][x - j] += kernel[1 + i][1 + j];
  }));
  return relu ? map.map((row) => row.map((value) => Math.max(value, 0))) : map;
}

// The sum of such a map; only the places around lit pixels are looked at.
const place = new Float64Array(SIDE * SIDE);
function responseSum(image, kernel, relu) {
  const touched = [];
  image.forEach((row, y) => row.forEach((lit, x) => {
    if (lit) for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) {
      const at = (y - i) * SIDE + x - j;
      place[at] += kernel[1 + i][1 + j];
      touched.push(at);
    }
  }));
  let sum = 0;
  for (const at of touched) { // a place counts once: it is empty when it comes again
    sum += relu ? Math.max(place[at], 0) : place[at];
    place[at] = 0;
  }
  return sum;
}

const drawn = new Map(); // images by seed, so that moving the decision line draws nothing anew
function dashImages(seed) {
  if (!drawn.has(seed)) {
    const next = randomNumbers(seed + 1);
    drawn.set(seed, Array.from({ length: 200 }, () => drawDashes(next)));
  }
  return drawn.get(seed);
}

const summed = new Map(); // sums of responses by seed, kernels and ReLU
function dashPoints(seed, kernels, relu) {
  const key = [seed, kernels, relu].join();
  if (!summed.has(key)) {
    const sums = (one) => DASH_KERNELS[kernels].map((kernel) => responseSum(one.image, kernel, relu));
    summed.set(key, dashImages(seed).map((one) => ({ ...one, at: sums(one) })));
  }
  return summed.get(key);
}

registerForm("oriented_dashes", ({ angle = 30, kernels = "lines (H and V)", relu = true, seed = 0 }) => {
  const pair = DASH_KERNELS[kernels], images = dashImages(seed);
  const points = dashPoints(seed, kernels, relu);
  const weights = [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)];
  const score = (at) => weights[0] * at[0] + weights[1] * at[1];
  const right = points.filter((one) => (score(one.at) > 1e-9) === one.label).length / points.length;
  const most = Math.max(1, ...points.flatMap((one) => one.at));
  const cloud = (label, name, slot) => {
    const chosen = points.filter((one) => one.label === label);
    return { name, style: "points", slot, x: chosen.map((one) => one.at[0]), y: chosen.map((one) => one.at[1]) };
  };
  // The line where the score is 0, as far as it lies where both responses are positive.
  const across = [Math.abs(weights[1]), Math.abs(weights[0])], far = most / Math.max(...across);
  const visible = weights[0] * weights[1] <= 1e-12;
  const line = { name: "score = 0", slot: 2, x: [0, across[0] * far], y: [0, across[1] * far] };
  const first = images[0], maps = pair.map((kernel) => respond(first.image, kernel, relu));
  const bright = Math.max(1, ...maps.flat(2).map(Math.abs));
  const tile = (values, label) => ({ values, low: -bright, high: bright, map: "diverging", label });
  return {
    panels: [
      {
        kind: "images", title: "Four images, and both responses to the first", across: 3,
        tiles: [
          ...images.slice(0, 4).map((one) => ({ values: one.image, low: 0, high: 1, label: `${one.horizontal} – and ${one.vertical} |` })),
          tile(maps[0], "first kernel"), tile(maps[1], "second kernel"),
        ],
      },
      {
        kind: "scatter", title: "200 images: sums of the two responses",
        x: { label: "First kernel", domain: [0, most * 1.05] }, y: { label: "Second kernel", domain: [0, most * 1.05] },
        series: [cloud(true, "more horizontal", 0), cloud(false, "more vertical", 1), ...(visible ? [line] : [])],
      },
    ],
    readouts: [
      { label: "weight of the first kernel", value: weights[0] },
      { label: "weight of the second kernel", value: weights[1] },
      { label: "images on the right side", value: right, percent: true },
    ],
  };
});
