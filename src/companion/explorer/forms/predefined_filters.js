// Closed forms of predefined_filters: the filter bank and its rank, the aliasing demonstration, what a network costs.

const ORIENTED = { edge: "e", line: "l" };

// One 3x3 kernel with its normal at the angle phi (radians): profile of the distance c, mean 0, L1 norm 1.
function orientedKernel(family, phi, sigma) {
  const raw = [-1, 0, 1].map((y) => [-1, 0, 1].map((x) => {
    const c = x * Math.cos(phi) + y * Math.sin(phi);
    const bell = Math.exp(-(c * c) / (2 * sigma * sigma));
    return family === "edge" ? (Math.abs(c) < 1e-12 ? 0 : Math.sign(c) * (1 - bell)) : 2 * bell;
  }));
  const mean = raw.flat().reduce((sum, w) => sum + w, 0) / 9;
  const norm = raw.flat().reduce((sum, w) => sum + Math.abs(w - mean), 0);
  return raw.map((row) => row.map((w) => (w - mean) / norm));
}

// All kernels of a bank, { name, kernel }, in the paper's order: family, then angle, the negative before the positive.
function filterBank({ families = "edge+line", n_angles = 4, sigma_edge = 0.9, sigma_line = 0.45, pairs = true }) {
  const bank = [];
  for (const family of families.split("+")) for (let i = 0; i < n_angles; i++) {
    const kernel = orientedKernel(family, Math.PI * i / n_angles, family === "edge" ? sigma_edge : sigma_line);
    const name = ORIENTED[family] + Number((180 * i / n_angles).toPrecision(4));
    if (pairs) bank.push({ name: "−" + name, kernel: kernel.map((row) => row.map((w) => -w)) });
    bank.push({ name: "+" + name, kernel });
  }
  return bank;
}

const BLUR = (() => {
  const g = [-1, 0, 1].map((x) => Math.exp(-(x * x) / (2 * 0.75 * 0.75)));
  const total = g.reduce((sum, w) => sum + w, 0) ** 2;
  return g.map((a) => g.map((b) => a * b / total));
})();

registerForm("filter_bank", (values, { maths }) => {
  const bank = filterBank(values);
  const spectrum = maths.singularValues(bank.map((one) => one.kernel.flat())).map((s) => (s > 1e-9 ? s : 0));
  const all = Array.from({ length: 9 }, (_, i) => spectrum[i] || 0);
  const rank = all.filter((s) => s > 1e-6 * all[0]).length;
  const most = Math.max(...bank.map((one) => Math.max(...one.kernel.flat().map(Math.abs))));
  return {
    panels: [
      {
        kind: "images", title: "The kernels (blue negative, red positive)", across: 8,
        tiles: bank.map((one) => ({ values: one.kernel, low: -most, high: most, map: "diverging", label: one.name })),
      },
      {
        kind: "bars", title: "Singular values of the bank",
        x: { label: "Number", categories: all.map((_, i) => i + 1) }, y: { label: "Singular value" },
        series: [{ name: "", x: all.map((_, i) => i + 1), y: all, slot: 0 }],
      },
    ],
    readouts: [
      { label: "kernels", value: bank.length },
      { label: "dimensions they span, of 9", value: rank },
      { label: "largest over smallest singular value in the span", value: all[0] / all[rank - 1] },
    ],
  };
});

// A dark image with two bright horizontal lines; rows are counted from 0.
function twoLines({ row_1, row_2, thickness = 1 }, side) {
  const lit = (row) => [row_1, row_2].some((start) => row >= start && row < start + thickness);
  return Array.from({ length: side }, (_, row) => new Array(side).fill(lit(row) ? 1 : 0));
}

const everySecond = (image) => image.filter((_, row) => row % 2 === 0).map((row) => row.filter((_, c) => c % 2 === 0));
const relu = (image) => image.map((row) => row.map((value) => Math.max(value, 0)));

// Whether a line left a trace in a map of half the size, read away from the sides of the image.
function seen(map, start, thickness) {
  const column = map[0].length / 2;
  const rows = [];
  for (let r = Math.floor(start / 2); r <= Math.floor((start + thickness) / 2); r++) rows.push(r);
  return rows.some((r) => map[r] && map[r][column] > 1e-6);
}

registerForm("aliasing", (values, { maths }) => {
  const side = 16, { row_1, row_2, thickness = 1 } = values;
  const image = twoLines(values, side);
  const smooth = maths.convolve(image, BLUR);
  const skips = [everySecond(image), everySecond(smooth)];
  const maps = filterBank({}).map((one) => ({ ...one, map: relu(maths.convolve(image, one.kernel, { stride: 2 })) }));
  const sees = (map) => [row_1, row_2].map((start) => seen(map, start, thickness));
  const word = ([a, b]) => (a && b ? "both lines" : a ? `line ${row_1} only` : b ? `line ${row_2} only` : "no line");
  const tile = (matrix, label, high = 1) => ({ values: matrix, low: 0, high, label });
  const most = Math.max(...maps.flatMap((one) => one.map.flat()));
  const found = maps.map((one) => sees(one.map));
  const profile = (one) => one.map((row) => row[side / 4]);
  const places = Array.from({ length: side / 2 }, (_, i) => 2 * i);
  return {
    panels: [
      {
        kind: "images", title: "The skip path: image, image blurred, and every second pixel of both", across: 2,
        tiles: [tile(image, "image"), tile(smooth, "blurred"), tile(skips[0], "image, stride 2"), tile(skips[1], "blurred, stride 2")],
      },
      {
        kind: "images", title: "The 16 fixed kernels at stride 2, after the ReLU", across: 4,
        tiles: maps.map((one, i) => ({ ...tile(one.map, one.name, most), title: `${one.name} sees ${word(found[i])}` })),
      },
      {
        kind: "line", title: "What the stride-2 skip sees, down the image",
        x: { label: "Row of the image", domain: [0, side - 2] }, y: { label: "Brightness", domain: [0, 1.05] },
        series: skips.map((one, k) => ({ name: k ? "with blur" : "without blur", x: places, y: profile(one), slot: k ? 0 : 1 })),
      },
    ],
    readouts: [
      { label: "skip without blur sees", value: word(sees(skips[0])) },
      { label: "skip with blur sees", value: word(sees(skips[1])) },
      { label: `kernels that see line ${row_1}`, value: found.filter(([a]) => a).length },
      { label: `kernels that see line ${row_2}`, value: found.filter(([, b]) => b).length },
      { label: "kernels that see both", value: found.filter(([a, b]) => a && b).length },
    ],
  };
});

const half = (side) => Math.ceil(side / 2);

// Learned numbers and multiply-adds of one image, by kind of layer, for both networks with 18 layers.
// "learned 3×3" includes the 7×7 stem of the dense network at ImageNet size.
function networkCost({ width, classes, image_size, stem, kernels = 16, f_stem = 16, blur, learned_kernels = false }, dense) {
  const learned = { convolutions: 0, "batch-norm": 0, kernels: 0, classifier: 0 };
  const products = { "learned 3×3": 0, "fixed 3×3": 0, "1×1": 0, blur: 0, classifier: 0 };
  const unit = (n_in, n_out, side, f, size) => {
    const weights = dense ? size * size * n_in * n_out : f * n_in * n_out;
    learned.convolutions += weights;
    learned["batch-norm"] += 2 * n_out + (dense ? 0 : 2 * f * n_in);
    learned.kernels += dense || !learned_kernels ? 0 : 9 * kernels;
    products[dense ? "learned 3×3" : "1×1"] += weights * side * side;
    products["fixed 3×3"] += dense ? 0 : 9 * f * n_in * side * side;
  };
  let side = stem === "ImageNet" ? half(image_size) : image_size, before = width;
  unit(3, width, side, f_stem, stem === "ImageNet" ? 7 : 3);
  side = stem === "ImageNet" ? half(side) : side;
  for (const [stage, factor] of [1, 2, 4, 8].entries()) for (const block of [0, 1]) {
    const after = width * factor, shrinks = stage > 0 && block === 0;
    if (shrinks && blur) products.blur += 9 * before * side * side;
    side = shrinks ? half(side) : side;
    unit(before, after, side, 1, 3);
    unit(after, after, side, 1, 3);
    if (shrinks) {
      learned.convolutions += before * after;
      learned["batch-norm"] += 2 * after;
      products["1×1"] += before * after * side * side;
    }
    before = after;
  }
  learned.classifier = (before + 1) * classes;
  products.classifier = before * classes;
  return { learned, products };
}

const total = (parts) => Object.values(parts).reduce((sum, value) => sum + value, 0);
const exactly = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");

registerForm("network_cost", (values) => {
  const costs = [networkCost(values, false), networkCost({ ...values, blur: false }, true)];
  const names = ["PFNet18", "dense twin (ResNet18)"];
  const bars = (title, label, key) => {
    const categories = Object.keys(costs[0][key]).filter((kind) => costs.some((one) => one[key][kind] > 0));
    return {
      kind: "bars", title, x: { label: "Kind of layer", categories }, y: { label },
      series: costs.map((one, k) => ({ name: names[k], x: categories, y: categories.map((kind) => one[key][kind] / 1e6), slot: k })),
    };
  };
  const [pfnet, dense] = costs;
  return {
    panels: [
      bars("Learned numbers", "Millions", "learned"),
      bars("Multiply-adds for one image", "Millions", "products"),
    ],
    readouts: [
      { label: "PFNet18, learned numbers", value: exactly(total(pfnet.learned)), slot: 0 },
      { label: "dense twin, learned numbers", value: exactly(total(dense.learned)), slot: 1 },
      { label: "PFNet18's share of the learned numbers", value: total(pfnet.learned) / total(dense.learned), percent: true },
      { label: "PFNet18, multiply-adds", value: exactly(total(pfnet.products)), slot: 0 },
      { label: "dense twin, multiply-adds", value: exactly(total(dense.products)), slot: 1 },
      { label: "PFNet18's share of the multiply-adds", value: total(pfnet.products) / total(dense.products), percent: true },
    ],
  };
});
