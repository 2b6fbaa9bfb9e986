// Closed forms of error_density: the density of the true error, and the learning curve and rarity that it fixes.

// Nodes and weights of Gauss-Legendre quadrature on [-1, 1].
const legendre = ((count) =>
  Array.from({ length: count }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5)), slope = 1;
    for (let step = 0; step < 50; step++) {
      let before = 1, now = x;
      for (let k = 2; k <= count; k++) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
      slope = (count * (x * now - before)) / (x * x - 1);
      x -= now / slope;
    }
    return [x, 2 / ((1 - x * x) * slope * slope)];
  }))(12);

// Numerically safe ln(sum of exponentials).
function logSum(values) {
  const top = values.reduce((most, one) => Math.max(most, one), -Infinity);
  if (top === -Infinity) return top;
  return top + Math.log(values.reduce((sum, one) => sum + Math.exp(one - top), 0));
}

// A function of one number that remembers its values.
function remembered(f) {
  const known = new Map();
  return (n) => {
    if (!known.has(n)) known.set(n, f(n));
    return known.get(n);
  };
}

// E_min + (1 - E_min) u with u ~ Beta(a, b): everything is closed.
function betaModel({ a, b, floor }, maths) {
  const u = (error) => Math.min(1, Math.max(0, (error - floor) / (1 - floor)));
  return {
    floor, a, b,
    mean: (n) => floor + ((1 - floor) * a) / (a + b + n),
    bad: (epsilon, n) => maths.incompleteBeta(1 - u(epsilon), b + n, a),
    good: (epsilon, n) => maths.incompleteBeta(u(epsilon), a, b + n),
    mass: (threshold) => maths.incompleteBeta(u(threshold), a, b),
    logPdf: (error, n) => {
      const x = (error - floor) / (1 - floor);
      if (x <= 0 || x >= 1) return -Infinity;
      return (a - 1) * Math.log(x) + (b + n - 1) * Math.log1p(-x) - maths.logBeta(a, b + n) - Math.log1p(-floor);
    },
    variance: ((1 - floor) ** 2 * a * b) / ((a + b) ** 2 * (a + b + 1)),
  };
}

// A density known up to a constant, integrated over logit(E) in logarithms: logDensity(E, 1 - E).
function gridModel(logDensity) {
  const reach = [-30, 25], panel = 0.3;
  const nodesBetween = (low, high) => {
    const count = Math.max(1, Math.ceil((high - low) / panel)), half = (high - low) / count / 2;
    const size = count * legendre.length;
    const [error, logRest, logWeight] = [0, 0, 0].map(() => new Float64Array(size));
    for (let i = 0; i < size; i++) {
      const [x, weight] = legendre[i % legendre.length];
      const t = low + half * (2 * Math.floor(i / legendre.length) + 1 + x);
      const rest = 1 / (1 + Math.exp(t));
      error[i] = 1 / (1 + Math.exp(-t));
      logRest[i] = Math.log(rest);
      logWeight[i] = logDensity(error[i], rest) + Math.log(error[i]) + logRest[i] + Math.log(half * weight);
    }
    return { error, logRest, logWeight, size };
  };
  // ln of the integral of (1 - E)^n D(E), and the mean of E under it
  const moments = ({ error, logRest, logWeight, size }, n) => {
    let top = -Infinity, sum = 0, weighted = 0;
    for (let i = 0; i < size; i++) top = Math.max(top, logWeight[i] + n * logRest[i]);
    for (let i = 0; i < size; i++) {
      const log = logWeight[i] + n * logRest[i] - top;
      if (log < -50) continue;
      const one = Math.exp(log);
      sum += one;
      weighted += one * error[i];
    }
    return [top + Math.log(sum), weighted / sum];
  };
  const logit = (error) => Math.max(reach[0], Math.min(reach[1], Math.log(error) - Math.log1p(-error)));
  const all = nodesBetween(...reach);
  const whole = remembered((n) => moments(all, n));
  const above = remembered((epsilon) => nodesBetween(logit(epsilon), reach[1]));
  const below = remembered((epsilon) => nodesBetween(reach[0], logit(epsilon)));
  const share = (nodes, n) => Math.exp(moments(nodes, n)[0] - whole(n)[0]);
  return {
    floor: 0,
    mean: (n) => whole(n)[1],
    bad: (epsilon, n) => share(above(epsilon), n),
    good: (epsilon, n) => share(below(epsilon), n),
    mass: (threshold) => share(below(threshold), 0),
    logPdf: (error, n) => logDensity(error, 1 - error) + n * Math.log1p(-error) - whole(n)[0],
  };
}

// Single values with weights: cells, and the errors of random networks.
function atomModel(values, logWeights, counts) {
  const tilted = remembered((n) => logWeights.map((one, i) => one + (n ? n * Math.log1p(-values[i]) : 0)));
  const share = (keep, n) => {
    const each = tilted(n), all = logSum(each);
    return each.reduce((sum, one, i) => (keep(values[i]) ? sum + Math.exp(one - all) : sum), 0);
  };
  return {
    floor: values[0], atoms: values,
    mean: (n) => {
      const each = tilted(n), all = logSum(each);
      return each.reduce((sum, one, i) => sum + Math.exp(one - all) * values[i], 0);
    },
    bad: (epsilon, n) => share((value) => value > epsilon, n),
    good: (epsilon, n) => share((value) => value <= epsilon, n),
    mass: (threshold) => share((value) => value <= threshold, 0),
    logPdf: (error, n, at) => tilted(n)[at],
    // how many networks an average after n samples rests on; below 100 nothing is shown
    reaches: (n) => {
      if (!counts) return true;
      const weight = values.map((value) => n * Math.log1p(-value)), top = Math.max(...weight);
      const each = weight.map((one) => Math.exp(one - top));
      const first = each.reduce((sum, one, i) => sum + one * counts[i], 0);
      return first ** 2 / each.reduce((sum, one, i) => sum + one ** 2 * counts[i], 0) >= 100;
    },
  };
}

function cellsModel(M, k, maths) {
  const wrong = maths.linspace(0, M, M + 1);
  const ways = (j) => maths.logGamma(M + 1) - maths.logGamma(j + 1) - maths.logGamma(M - j + 1);
  const weights = wrong.map((j) => ways(j) + j * Math.log1p(-1 / k) - (M - j) * Math.log(k));
  const model = atomModel(wrong.map((j) => j / M), weights);
  return { ...model, quenched: (n) => (1 - 1 / k) * (1 - 1 / M) ** n };
}

function chosenModel(values, extra, maths) {
  const { model = "shifted Beta", a = 6.6, prior_mean = 0.5, E_min = 0, M = 20, k = 2, d = 20 } = values;
  const b = (a * (1 - prior_mean)) / prior_mean;
  const beta = betaModel({ a, b, floor: model === "Beta" ? 0 : E_min }, maths);
  const sampled = (extra.sampled || {})[model];
  if (sampled) {
    const total = sampled.counts.reduce((sum, one) => sum + one, 0);
    return atomModel(sampled.values, sampled.counts.map((one) => Math.log(one / total)), sampled.counts);
  }
  if (model === "cells") return cellsModel(M, k, maths);
  if (model === "Gaussian") {
    const centre = beta.mean(0);
    return gridModel((error) => -((error - centre) ** 2) / (2 * beta.variance));
  }
  if (model === "perceptron") {
    const lower = (error, rest) => Math.sin(Math.PI * Math.min(error, rest));
    const grid = gridModel((error, rest) => (d === 2 ? 0 : (d - 2) * Math.log(lower(error, rest))));
    return d === 2 ? { ...grid, quenched: (n) => (n ? 2 / (3 * (n + 1)) : 0.5) } : grid;
  }
  return beta;
}

// The smallest n with R <= 1 %.
function samplesNeeded(model, epsilon) {
  const good = (n) => model.bad(epsilon, n) <= 0.01;
  if (good(0)) return 0;
  let high = 1;
  for (; !good(high); high *= 2) if (high > 1e7 || (model.reaches && !model.reaches(high))) return null;
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (good(middle)) high = middle; else low = middle;
  }
  return high;
}

// The least over gamma of (1 - q_epsilon) / q_gamma ((1 - epsilon) / (1 - gamma))^n, as a function of n.
function boundOf(model, epsilon, maths) {
  if (epsilon <= model.floor) return () => NaN;
  const gammas = maths.logspace(1e-4, 1, 40).map((share) => model.floor + (epsilon - model.floor) * share);
  const terms = gammas.map((gamma) => [Math.log(model.mass(gamma)), Math.log1p(-epsilon) - Math.log1p(-gamma)]);
  const above = Math.log(1 - model.mass(epsilon));
  return (n) => Math.exp(Math.min(...terms.map(([logMass, rate]) => above - logMass + n * rate)));
}

// Golden section: the x in [low, high] with the smallest f.
function smallest(f, low, high, steps = 40) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [x, y] = [high - ratio * (high - low), low + ratio * (high - low)], [fx, fy] = [f(x), f(y)];
  for (let i = 0; i < steps; i++) {
    if (fx < fy) [high, y, fy, x] = [y, x, fx, y - ratio * (y - low)], fx = f(x);
    else [low, x, fx, y] = [x, y, fy, x + ratio * (high - x)], fy = f(y);
  }
  return (low + high) / 2;
}

// Least squares in ln error over a and E_min for measured points { n, error, prior_mean }.
function fitShiftedBeta({ n, error, prior_mean }) {
  const curve = (a, floor, one) => floor + ((1 - floor) * a) / (a / prior_mean + one);
  const gap = (logA, floor) =>
    n.reduce((sum, one, i) => sum + Math.log(curve(Math.exp(logA), floor, one) / error[i]) ** 2, 0);
  const best = (floor) => smallest((logA) => gap(logA, floor), Math.log(1e-3), Math.log(1e5));
  const highest = 0.999 * Math.min(...error);
  const coarse = Array.from({ length: 25 }, (_, i) => (highest * i) / 24);
  const costs = coarse.map((floor) => gap(best(floor), floor)), at = costs.indexOf(Math.min(...costs));
  const floor = smallest((one) => gap(best(one), one), coarse[Math.max(0, at - 1)], coarse[Math.min(24, at + 1)], 25);
  const chosen = costs[0] <= gap(best(floor), floor) ? 0 : floor;
  const a = Math.exp(best(chosen));
  return { a, floor: chosen, rms: Math.sqrt(gap(Math.log(a), chosen) / n.length), at: (one) => curve(a, chosen, one) };
}

// a of Beta(a, a) from the kernel-target alignment, after a share of the labels was permuted (see kernel.py).
function kernelA({ labels, cross, images, balance, T }, share) {
  const different = images - 1 / T, chance = (T * balance ** 2 - 1) / (T - 1);
  const kept = (1 - share) ** 2 * (labels - 1 / T);
  const mixed = 2 * share * (1 - share) * balance * (cross - balance / T);
  return 0.5 * (1 / (1 / T + kept + mixed + share ** 2 * chance * different) - 1);
}

// Eight decimals, so that exact values can be compared; close to 1 the distance from it.
function exactly(value, rest) {
  if (rest !== undefined && rest > 0 && rest < 5e-9) return `1 − ${rest.toExponential(2).replace("e-", "·10^−")}`;
  if (value !== 0 && Math.abs(value) < 1e-6) return value.toExponential(4).replace("e-", "·10^−");
  return value.toFixed(8);
}

function densityPanel(model, n, epsilon, maths) {
  const fine = maths.logspace(1e-5, 1, 60).concat(maths.linspace(0.005, 0.999, 200)).sort((x, y) => x - y);
  const x = model.atoms || fine.map((one) => model.floor + (1 - model.floor) * one).filter((one) => one < 1);
  const shape = (m) => {
    const logs = x.map((error, i) => model.logPdf(error, m, i));
    const top = Math.max(...logs.filter((one) => Number.isFinite(one)));
    return logs.map((one) => Math.exp(one - top));
  };
  const after = shape(n), bad = x.map((error, i) => i).filter((i) => x[i] > epsilon);
  const area = bad.map((i) => after[i]);
  return {
    kind: "line", title: "1. Prior to posterior",
    x: { label: "True error E", domain: [0, 1] }, y: { label: "Density, peak = 1", domain: [0, 1.05], fixed: true },
    series: [
      { name: "before data", x, y: shape(0), slot: 6, style: "dashed" },
      { name: "after n samples", x, y: after, slot: 0 },
      { name: "bad solutions", x: bad.map((i) => x[i]), y: area, low: area.map(() => 0), high: area, slot: 1 },
    ],
  };
}

function curvePanel(model, { n, overlay, fit, pairName, pairA }, maths) {
  const places = maths.logspace(1, 1e5, 61).filter((one) => !model.reaches || model.reaches(one));
  const slopes = [1, 0.7, 0.5];
  // one series, whose parts a gap keeps apart
  const guides = {
    name: "slopes −1, −0.7, −0.5", slot: 6, style: "dashed",
    x: slopes.flatMap(() => [1, 1e5, 1e5]), y: slopes.flatMap((slope) => [1, 1e5 ** -slope, NaN]),
  };
  const series = [{ name: "after n samples", x: places, y: places.map(model.mean), slot: 0 }];
  if (model.quenched)
    series.push({ name: "given the set, on average", x: places, y: places.map(model.quenched), slot: 4 });
  if (pairA)
    series.push({
      name: `kernel, ${pairName}`, x: places, y: places.map((one) => pairA / (2 * pairA + one)), slot: 2, style: "dashed",
    });
  if (overlay) series.push({ name: "measured", x: overlay.n, y: overlay.error, slot: 3, style: "points" });
  if (fit) {
    const wide = maths.logspace(1, 1e5, 61);
    series.push({ name: "fit of a and E_min", x: wide, y: wide.map(fit.at), slot: 3 });
  }
  return {
    kind: "line", title: "2. Learning curve", rule: n, ruleControl: "n",
    x: { label: "Training images n", log: true, domain: [1, 1e5] },
    y: { label: "Error", log: true, domain: [1e-4, 1], fixed: true },
    series: [...series, guides],
  };
}

function rarityPanel(model, epsilon, n, needed, maths) {
  const last = Math.max(40, needed ? 2 * needed : 300, Math.min(n, 2000) * 1.1);
  const bound = boundOf(model, epsilon, maths);
  const places = maths.linspace(0, last, 61).filter((one) => !model.reaches || model.reaches(one));
  const rare = places.map((one) => model.bad(epsilon, one));
  const drawn = (values) => values.map((value) => (value > 1e-30 ? value : NaN));
  const series = [
    { name: "bad solutions", x: places, y: drawn(rare), slot: 1 },
    { name: "bound on R", x: places, y: drawn(places.map(bound)), slot: 5 },
  ];
  if (epsilon > model.floor) {
    const rate = Math.log1p(-epsilon) - Math.log1p(-model.floor), end = places.length - 1;
    const slope = places.map((one) => rare[end] * Math.exp(rate * (one - places[end])));
    series.push({ name: "final slope", x: places, y: drawn(slope), slot: 6, style: "dashed" });
  }
  return {
    kind: "line", title: "3. How rare the bad ones are", rule: n <= last ? n : undefined,
    x: { label: "Training images n", domain: [0, last] },
    y: { label: "Share R(ε, n)", log: true, domain: [1e-6, 2], fixed: true },
    series,
  };
}

function originPanel(alignment, pairName, permuted, a, maths) {
  const shares = maths.linspace(0, 1, 51);
  return {
    kind: "line", title: "4. Where a comes from", rule: permuted, ruleControl: "permuted",
    x: { label: "Permuted share of the labels", domain: [0, 1] },
    y: { label: "a from the kernel", log: true, domain: [1, 600], fixed: true },
    series: alignment
      ? [{ name: `kernel, ${pairName}`, x: shares, y: shares.map((one) => kernelA(alignment, one)), slot: 2, style: "dashed" }]
      : [],
    markers: [{ y: a, label: "a of the model above" }],
  };
}

registerForm("error_density", (values, { maths, extra }) => {
  const { a = 6.6, n = 20, epsilon = 0.1, overlay = "none", pair = "3 vs 8", permuted = 0 } = values;
  const model = chosenModel(values, extra, maths);
  const points = (extra.overlays || {})[overlay];
  const fit = points && fitShiftedBeta(points);
  const alignment = (extra.alignments || {})[pair];
  const pairA = alignment && kernelA(alignment, permuted);
  const needed = samplesNeeded(model, epsilon);
  const shown = !model.reaches || model.reaches(n);
  const readouts = [
    { label: "mean error", value: shown ? exactly(model.mean(n)) : "too few networks left", slot: 0 },
    { label: "bad share R", value: shown ? exactly(model.bad(epsilon, n), model.good(epsilon, n)) : "–", slot: 1 },
    { label: "n for R ≤ 1 %", value: needed === null ? "never, or out of reach" : needed, slot: 1 },
  ];
  if (model.b) readouts.push({ label: "b of the model", value: model.b });
  if (model.quenched) readouts.push({ label: "given the set, on average", value: exactly(model.quenched(n)), slot: 4 });
  if (pairA) readouts.push({ label: "a from the kernel", value: pairA, slot: 2 });
  if (fit)
    readouts.push(
      { label: "fitted a", value: fit.a, slot: 3 },
      { label: "fitted E_min", value: fit.floor, percent: true, slot: 3 },
      { label: "typical miss of the fit", value: Math.expm1(fit.rms), percent: true, slot: 3 },
    );
  return {
    panels: [
      densityPanel(model, n, epsilon, maths),
      curvePanel(model, { n, overlay: points, fit, pairName: pair, pairA }, maths),
      rarityPanel(model, epsilon, n, needed, maths),
      originPanel(alignment, pair, permuted, a, maths),
    ],
    readouts,
  };
});
