// Closed forms of rare_bad_minima: a density of the true error reweighted by (1 - E)^n, and three exact models.

// Averages under D_n, proportional to weights (1 - E)^n; everything relative to the likeliest atom.
function afterSamples({ errors, weights }, n) {
  const log = errors.map((E, i) => (n ? n * Math.log1p(-E) : 0) + Math.log(weights[i]));
  const most = Math.max(...log);
  const raised = log.map((value) => Math.exp(value - most));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((value) => value / sum);
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const badOf = (density, share, epsilon) => dot(share, density.errors.map((E) => (E > epsilon ? 1 : 0)));
const massBelow = (density, t) => dot(density.weights, density.errors.map((E) => (E <= t ? 1 : 0)));

// Effective number of networks, (sum w)^2 / sum w^2 with w = (1 - E)^n.
function effectiveNetworks(density, n) {
  const w = density.errors.map((E) => Math.exp(n * (Math.log1p(-E) - Math.log1p(-density.errors[0]))));
  return (density.networks * dot(density.weights, w) ** 2) / dot(density.weights, w.map((x) => x * x));
}

// The bound T2 at one gamma, or at the best of the sampled errors below epsilon: { value, gamma }.
function boundOf(density, n, epsilon, gamma) {
  const gammas = gamma === null ? density.errors.filter((E) => E < epsilon) : [gamma];
  const bad = 1 - massBelow(density, epsilon);
  const bounds = gammas.map((one) => ({
    gamma: one,
    value: (bad / massBelow(density, one)) * Math.exp(n * (Math.log1p(-epsilon) - Math.log1p(-one))),
  }));
  return bounds.reduce((best, one) => (one.value < best.value ? one : best), { value: Infinity, gamma: NaN });
}

function densityOf(one) {
  const total = one.counts.reduce((a, b) => a + b, 0);
  const atoms = one.counts.map((count, i) => [(one.first + one.apart * i + (one.apart - 1) / 2) / one.pool, count]);
  const found = atoms.filter(([, count]) => count > 0);
  return { errors: found.map(([E]) => E), weights: found.map(([, c]) => c / total), networks: total, pool: one.pool };
}

// Shares of atoms as a density over bins of equal width.
function binned(density, share, bins = 90) {
  const apart = Math.max(1, Math.round(density.pool / bins)) / density.pool;
  const heights = new Array(Math.ceil(1 / apart) + 1).fill(0);
  density.errors.forEach((E, i) => (heights[Math.floor(E / apart + 1e-9)] += share[i] / apart));
  return { x: heights.map((_, k) => (k + 0.5) * apart), y: heights };
}

const SAMPLERS = { fixed: "one training set, random minima", sequential: "the same by sequential Monte Carlo", trained: "trained by gradient descent" };
const NONE = "–";

registerForm("rare_minima", ({ task, network, n, epsilon, optimal, gamma }, { extra }) => {
  const stored = Object.values(extra.densities).find((one) => one.task === task && one.network === network);
  const density = densityOf(stored);
  const grid = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100];
  const firm = grid.filter((k) => effectiveNetworks(density, k) >= 100);
  const shares = firm.map((k) => afterSamples(density, k));
  const chosen = optimal ? null : Math.min(gamma, epsilon - 1e-9);
  const bounds = firm.map((k) => boundOf(density, k, epsilon, chosen));
  const perfect = massBelow(density, 0), bad = 1 - massBelow(density, epsilon);
  const now = afterSamples(density, n), here = boundOf(density, n, epsilon, chosen);
  const before = binned(density, density.weights), after = binned(density, now);
  const worse = after.x.map((E, i) => [E, after.y[i]]).filter(([E]) => E > epsilon);
  const reliable = effectiveNetworks(density, n) >= 100;
  const rate = density.errors.map((E) => -Math.log1p(-E));
  const left = badOf(density, now, epsilon);
  const badRate = dot(now.map((s, i) => (density.errors[i] > epsilon ? s * rate[i] : 0)), rate.map(() => 1)) / left;
  const dots = (pick) => Object.keys(SAMPLERS).flatMap((sampler, k) => {
    const rows = Object.values(extra.dots).filter((one) => one.task === task && one.network === network && one.sampler === sampler);
    const at = rows.map((one) => [one.n, pick(one)]).filter(([, y]) => y > 0);
    return at.length ? [{ name: SAMPLERS[sampler], x: at.map(([x]) => x), y: at.map(([, y]) => y), slot: 3 + k, style: "points" }] : [];
  });
  const column = Math.round(100 * epsilon) - 1;
  const samples = { label: "Training samples n", domain: [0, 102] };
  return {
    panels: [
      {
        kind: "line", title: "True errors of random networks",
        x: { label: "True error E", domain: [0, 1], percent: true }, y: { label: "Density" }, rule: epsilon,
        series: [
          { name: "all networks, D(E)", ...before, slot: 1 },
          { name: "those without error on n samples", ...after, slot: 0 },
          { name: "bad minima", x: worse.map(([E]) => E), y: worse.map(([, y]) => y), low: worse.map(() => 0), high: worse.map(([, y]) => y), slot: 3 },
        ],
      },
      {
        kind: "line", title: "Fraction of bad minima",
        x: { ...samples }, y: { label: "Fraction R with E > epsilon", log: true, domain: [1e-3, 100] }, rule: n,
        series: [
          { name: "the formula", x: firm, y: shares.map((share) => badOf(density, share, epsilon)), slot: 0 },
          { name: "bound with gamma", x: firm, y: bounds.map((one) => one.value), slot: 1, style: "dashed" },
          ...(perfect ? [{ name: "bound with perfect networks", x: firm, y: firm.map((k) => (bad / perfect) * (1 - epsilon) ** k), slot: 2, style: "dashed" }] : []),
          ...dots((one) => one.tail[column]),
        ],
      },
      {
        kind: "line", title: "Mean true error of the minima",
        x: { ...samples }, y: { label: "Mean true error", log: true, domain: [8e-4, 0.7] }, rule: n,
        series: [{ name: "the formula", x: firm, y: shares.map((share) => dot(share, density.errors)), slot: 0 }, ...dots((one) => one.mean)],
      },
    ],
    readouts: [
      { label: "fraction of bad minima R", value: reliable ? left : NONE },
      { label: "mean true error of the minima", value: reliable ? dot(now, density.errors) : NONE, percent: reliable },
      { label: "share of networks that fit", value: dot(density.weights, density.errors.map((E) => (n ? (1 - E) ** n : 1))) },
      { label: "bound on R", value: Number.isFinite(here.value) ? here.value : "no network so good" },
      { label: "with gamma", value: Number.isFinite(here.value) ? here.gamma : NONE },
      { label: "slope of −ln R here", value: reliable && left > 0 ? badRate - dot(now, rate) : NONE },
      { label: "effective networks (below 100 nothing is shown)", value: Math.round(effectiveNetworks(density, n)) },
    ],
  };
});

const choose = (n, k) => (k ? (choose(n, k - 1) * (n - k + 1)) / k : 1);
const binomial = (n, p) => Array.from({ length: n + 1 }, (_, j) => choose(n, j) * p ** j * (1 - p) ** (n - j));

// M cells, k labels: D is binomial, and one training set leaves the cells free that it does not hit.
function cellsModel({ cells, labels, epsilon }) {
  const wrong = binomial(cells, 1 - 1 / labels);
  const errors = wrong.map((_, j) => j / cells);
  const density = { errors, weights: wrong };
  const tail = (free) => binomial(free, 1 - 1 / labels).reduce((sum, p, j) => sum + (j / cells > epsilon ? p : 0), 0);
  const occupied = (n) => {
    let share = errors.map((_, c) => (c ? 0 : 1));
    for (let i = 0; i < n; i++)
      share = share.map((p, c) => (p * c) / cells + (c ? share[c - 1] * (1 - (c - 1) / cells) : 0));
    return share;
  };
  // n = 0 and an error of 1: 0^0 counts as 1, every labelling is consistent with no sample
  const after = (n) => (n ? wrong.map((p, j) => p * (1 - j / cells) ** n) : wrong);
  const volume = (n) => after(n).reduce((a, b) => a + b, 0);
  return {
    volume,
    fraction: (n) => dot(after(n), errors.map((E) => (E > epsilon ? 1 : 0))) / volume(n),
    error: (n) => dot(after(n), errors) / volume(n),
    fixedFraction: (n) => dot(occupied(n), errors.map((_, c) => tail(cells - c))),
    fixedError: (n) => (1 - 1 / labels) * (1 - 1 / cells) ** n,
    bound: (n) => boundOf(density, n, epsilon, null).value,
    separable: (n) => ((1 - massBelow(density, epsilon)) / wrong[0]) * (1 - epsilon) ** n,
  };
}

// E is Beta(a, b); after n samples Beta(a, b + n).
function betaModel(a, b, epsilon, maths) {
  const below = (t) => maths.incompleteBeta(t, a, b);
  const gammas = maths.linspace(0.002, 0.998, 250).map((share) => share * epsilon);
  const masses = gammas.map(below);
  return {
    volume: (n) => Math.exp(maths.logBeta(a, b + n) - maths.logBeta(a, b)),
    fraction: (n) => maths.incompleteBeta(1 - epsilon, b + n, a),
    error: (n) => a / (a + b + n),
    bound: (n) => Math.min(...gammas.map((g, i) => ((1 - below(epsilon)) / masses[i]) * Math.exp(n * (Math.log1p(-epsilon) - Math.log1p(-g))))),
  };
}

registerForm("exact_rarity", (values, { maths }) => {
  const { model, epsilon, n } = values;
  const plane = model === "perceptron in the plane";
  const exact = model === "cells" ? cellsModel(values) : betaModel(plane ? 1 : values.a, plane ? 1 : values.b, epsilon, maths);
  if (plane) exact.fixedError = (k) => (k ? 2 / (3 * (k + 1)) : 0.5);
  const grid = maths.linspace(0, 200, 101);
  const curve = (name, f, slot, style) => (f ? [{ name, x: grid, y: grid.map(f), slot, style }] : []);
  const axis = { label: "Training samples n", domain: [0, 200] };
  return {
    panels: [
      {
        kind: "line", title: "Fraction of bad minima",
        x: { ...axis }, y: { label: "Fraction R", log: true, domain: [1e-8, 100] }, rule: n,
        series: [
          ...curve("formula (joint sampling)", exact.fraction, 0),
          ...curve("one training set, averaged", exact.fixedFraction, 3),
          ...curve("bound with the best gamma", exact.bound, 1, "dashed"),
          ...curve("bound with perfect classifiers", exact.separable, 2, "dashed"),
        ],
      },
      {
        kind: "line", title: "Mean true error of the minima",
        x: { ...axis }, y: { label: "Mean true error", log: true, domain: [1e-4, 1] }, rule: n,
        series: [...curve("formula (joint sampling)", exact.error, 0), ...curve("one training set, averaged", exact.fixedError, 3)],
      },
    ],
    readouts: [
      { label: "R of the formula", value: exact.fraction(n) },
      ...(exact.fixedFraction ? [{ label: "R of one training set, averaged", value: exact.fixedFraction(n) }] : []),
      { label: "bound with the best gamma", value: exact.bound(n) },
      ...(exact.separable ? [{ label: "bound with perfect classifiers", value: exact.separable(n) }] : []),
      { label: "mean error of the formula", value: exact.error(n) },
      ...(exact.fixedError ? [{ label: "mean error of one training set, averaged", value: exact.fixedError(n) }] : []),
      { label: "share of classifiers that fit", value: exact.volume(n) },
    ],
  };
});
