// Closed forms of sugar: a surrogate with its slope, its reach, and what it does to the gradient layer by layer.

const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };
const sigma = (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// f and f' of every surrogate: (x, alpha) -> number. Those without a shape ignore alpha.
function surrogateCurves(maths) {
  const bSilu = {
    value: (x, a) => (x + a) * sigma(x) - a / 2,
    slope: (x, a) => sigma(x) + (x + a) * sigma(x) * (1 - sigma(x)),
  };
  const mishGate = (x) => Math.tanh(softplus(x));
  return {
    "B-SiLU": bSilu,
    ELU: { value: (x, a) => (x > 0 ? x : a * Math.expm1(x)), slope: (x, a) => (x > 0 ? 1 : a * Math.exp(x)) },
    SELU: {
      value: (x) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
      slope: (x) => SELU.scale * (x > 0 ? 1 : SELU.alpha * Math.exp(x)),
    },
    GELU: {
      value: (x) => x * maths.normalCdf(x),
      slope: (x) => maths.normalCdf(x) + x * maths.normalPdf(x),
    },
    SiLU: { value: (x) => bSilu.value(x, 0), slope: (x) => bSilu.slope(x, 0) },
    Mish: {
      value: (x) => x * mishGate(x),
      slope: (x) => mishGate(x) + x * sigma(x) * (1 - mishGate(x) ** 2),
    },
    LeakyReLU: { value: (x, a) => (x > 0 ? x : a * x), slope: (x, a) => (x > 0 ? 1 : a), small: true },
    NeLU: {
      value: (x, a) => (x > 0 ? x : a - a / (1 + x * x)),
      slope: (x, a) => (x > 0 ? 1 : (2 * a * x) / (1 + x * x) ** 2),
      small: true,
    },
    "ReLU, gain-matched": { value: (x) => 1.3035 * Math.max(x, 0), slope: (x) => (x > 0 ? 1.3035 : 0) },
    ReLU: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  };
}

// E[h(z)] for z ~ N(mean, sd^2) by the midpoint rule on both sides of 0, where slopes may jump.
function gaussianMean(h, mean, sd, maths, low = -Infinity, high = Infinity) {
  const from = Math.max(low, mean - 9 * sd), to = Math.min(high, mean + 9 * sd), n = 1500;
  let total = 0;
  for (const [a, b] of [[from, Math.min(to, 0)], [Math.max(from, 0), to]]) {
    if (b <= a) continue;
    const step = (b - a) / n;
    for (let i = 0; i < n; i++) {
      const z = a + (i + 0.5) * step;
      total += step * h(z) * maths.normalPdf(z, mean, sd);
    }
  }
  return total;
}

// The largest x < 0 at which the slope changes from + to -, or null.
function reachOf(slope) {
  for (let x = -0.01; x > -12; x -= 0.01) {
    if (!(slope(x) > 0 && slope(x - 0.01) < 0)) continue;
    let low = x - 0.01, high = x;
    for (let i = 0; i < 40; i++) {
      const middle = (low + high) / 2;
      if (slope(middle) > 0) high = middle; else low = middle;
    }
    return (low + high) / 2;
  }
  return null;
}

// Slopes of the chosen surrogate with its shape and side, as one function of x.
function chosenSlope({ surrogate = "B-SiLU", alpha = 1.67, small_alpha = 0.05, positive_side = true }, maths) {
  const curve = surrogateCurves(maths)[surrogate];
  const shape = curve.small ? small_alpha : alpha;
  return {
    value: (x) => curve.value(x, shape),
    slope: (x) => (x > 0 && !positive_side ? 1 : curve.slope(x, shape)),
  };
}

registerForm("surrogate", (values, { maths }) => {
  const { surrogate, mean = 0, deviation = 1 } = values;
  const { value, slope } = chosenSlope(values, maths);
  const x = maths.linspace(-6, 4, 401);
  const peak = maths.normalPdf(mean, mean, deviation);
  const reach = reachOf(slope);
  const silent = maths.normalCdf(0, mean, deviation);
  const within = reach === null ? silent : silent - maths.normalCdf(reach, mean, deviation);
  const pulled = gaussianMean(slope, mean, deviation, maths, -Infinity, 0) / silent;
  return {
    panels: [
      {
        kind: "line", title: "Forward: f stays out of it, ReLU runs",
        x: { label: "Pre-activation x" }, y: { label: "Value", domain: [-2, 4], fixed: true },
        series: [
          { name: surrogate, x, y: x.map(value), slot: 0, style: "dashed" },
          { name: "ReLU", x, y: x.map((one) => Math.max(one, 0)), slot: 1 },
        ],
      },
      {
        kind: "line", title: "Backward: the slope that is injected",
        x: { label: "Pre-activation x" }, y: { label: "Slope", domain: [-0.5, 2], fixed: true },
        series: [
          { name: `slope of ${surrogate}`, x, y: x.map(slope), slot: 0 },
          { name: "slope of ReLU", x, y: x.map((one) => (one > 0 ? 1 : 0)), slot: 1 },
          {
            name: "pre-activations (density, scaled)", x, slot: 2, style: "dashed",
            y: x.map((one) => maths.normalPdf(one, mean, deviation) / peak),
          },
        ],
      },
    ],
    readouts: [
      { label: "slope at 0", value: slope(0) },
      { label: "slope changes its sign at", value: reach === null ? "nowhere below 0" : reach },
      { label: "units that are silent", value: silent, percent: true },
      { label: "silent units within reach", value: within / silent, percent: true },
      { label: "mean slope of silent units", value: pulled },
    ],
  };
});

registerForm("backward_gain", (values, { maths }) => {
  const { surrogate, deviation = 1, depth = 8 } = values;
  const { slope } = chosenSlope(values, maths);
  const squared = gaussianMean((z) => slope(z) ** 2, 0, deviation, maths);
  const gain = Math.sqrt(2 * squared);
  const layers = maths.linspace(1, depth + 1, depth + 1);
  const profile = (g) => layers.map((layer) => g ** (depth + 1 - layer));
  return {
    panels: [
      {
        kind: "line", title: "Gradient norm of each layer's weights, relative to ReLU",
        x: { label: "Layer, 1 is next to the input" }, y: { label: "Times ReLU's", log: true },
        series: [
          { name: `SUGAR with ${surrogate}`, x: layers, y: profile(gain), slot: 0 },
          { name: "ReLU", x: layers, y: profile(1), slot: 1 },
          { name: "ReLU, gain-matched (1.3035)", x: layers, y: profile(1.3035), slot: 2, style: "dashed" },
        ],
      },
    ],
    readouts: [
      { label: "mean squared slope", value: squared },
      { label: "gain a layer", value: gain },
      { label: `gain over ${depth} layers`, value: gain ** depth },
    ],
  };
});
