// Special functions, grids and small linear algebra for the closed forms; nothing here touches the page.
const maths = (() => {
  const LANCZOS = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];

  // ln Γ(x), Lanczos approximation (g = 7, nine terms), reflected below 1/2.
  function logGamma(x) {
    if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
    let sum = LANCZOS[0];
    for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (x - 1 + i);
    const t = x + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  // erf(x): Maclaurin series near 0, Lentz continued fraction of erfc beyond.
  function erf(x) {
    const z = Math.abs(x);
    if (z > 6) return Math.sign(x);
    if (z < 2.5) {
      let term = z,
        sum = z;
      for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
        term *= -(z * z) / n;
        sum += term / (2 * n + 1);
        if (n > 200) break;
      }
      return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * sum;
    }
    let tail = 0;
    for (let n = 80; n > 0; n--) tail = n / 2 / (z + tail);
    return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + tail));
  }

  const normalPdf = (x, mean = 0, sd = 1) =>
    Math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * Math.sqrt(2 * Math.PI));
  const normalCdf = (x, mean = 0, sd = 1) => 0.5 * (1 + erf((x - mean) / (sd * Math.SQRT2)));

  // Continued fraction of the incomplete beta function, modified Lentz.
  function betaFraction(x, a, b) {
    const tiny = 1e-300;
    let c = 1,
      d = 1 - ((a + b) * x) / (a + 1);
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    let h = d;
    for (let m = 1; m < 5000; m++) {
      let step = 1;
      for (const top of [
        (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
        (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
      ]) {
        d = 1 + top * d;
        d = 1 / (Math.abs(d) < tiny ? tiny : d);
        c = 1 + top / c;
        if (Math.abs(c) < tiny) c = tiny;
        step = c * d;
        h *= step;
      }
      if (Math.abs(step - 1) < 1e-15) break;
    }
    return h;
  }

  // ln B(a, b); for large arguments by Stirling's series, where differences of ln Γ would cancel.
  function logBeta(a, b) {
    const [p, q] = a < b ? [a, b] : [b, a];
    if (q < 10) return logGamma(p) + logGamma(q) - logGamma(p + q);
    const rest = (x) => (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / (x * x)) / (x * x)) / (x * x)) / x;
    if (p < 10)
      return (
        logGamma(p) + rest(q) - rest(p + q) + p - p * Math.log(p + q) + (q - 0.5) * Math.log1p(-p / (p + q))
      );
    return (
      0.5 * Math.log((2 * Math.PI) / q) +
      rest(p) +
      rest(q) -
      rest(p + q) +
      (p - 0.5) * Math.log(p / (p + q)) -
      q * Math.log1p(p / q)
    );
  }

  // Regularised incomplete beta function I_x(a, b).
  function incompleteBeta(x, a, b) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b));
    return x < (a + 1) / (a + b + 2)
      ? (front * betaFraction(x, a, b)) / a
      : 1 - (front * betaFraction(1 - x, b, a)) / b;
  }

  // P(T <= t) for Student's t with df degrees of freedom.
  function studentCdf(t, df) {
    const tail = 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
    return t < 0 ? tail : 1 - tail;
  }

  const quantiles = new Map();
  // Two-sided Student quantile: P(|T| <= t) = level; bisection, remembered per (level, df).
  function studentQuantile(level, df) {
    const key = level + "/" + df;
    if (quantiles.has(key)) return quantiles.get(key);
    const outside = (t) => incompleteBeta(df / (df + t * t), df / 2, 0.5);
    let low = 0,
      high = 1;
    while (outside(high) > 1 - level) high *= 2;
    for (let i = 0; i < 90; i++) {
      const middle = (low + high) / 2;
      if (outside(middle) > 1 - level) low = middle;
      else high = middle;
    }
    quantiles.set(key, (low + high) / 2);
    return quantiles.get(key);
  }

  const linspace = (low, high, n) =>
    Array.from({ length: n }, (_, i) => (n === 1 ? low : low + ((high - low) * i) / (n - 1)));
  const logspace = (low, high, n) => linspace(Math.log(low), Math.log(high), n).map(Math.exp);

  const transpose = (A) => A[0].map((_, j) => A.map((row) => row[j]));
  function matmul(A, B) {
    const columns = transpose(B);
    return A.map((row) => columns.map((column) => row.reduce((sum, a, k) => sum + a * column[k], 0)));
  }

  // Singular values of a small matrix, largest first: one-sided Jacobi rotations of its columns.
  function singularValues(A) {
    const wide = A.length < A[0].length ? A : transpose(A);
    const V = wide.map((column) => column.slice());
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    for (let sweep = 0, off = 1; off > 1e-15 && sweep < 60; sweep++) {
      off = 0;
      for (let p = 0; p < V.length; p++)
        for (let q = p + 1; q < V.length; q++) {
          const alpha = dot(V[p], V[p]),
            beta = dot(V[q], V[q]),
            gamma = dot(V[p], V[q]);
          if (gamma === 0) continue;
          off = Math.max(off, Math.abs(gamma) / Math.sqrt(alpha * beta));
          const zeta = (beta - alpha) / (2 * gamma);
          const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
          const c = 1 / Math.sqrt(1 + t * t),
            s = c * t;
          for (let i = 0; i < V[p].length; i++) {
            const a = V[p][i],
              b = V[q][i];
            V[p][i] = c * a - s * b;
            V[q][i] = s * a + c * b;
          }
        }
    }
    return V.map((column) => Math.sqrt(dot(column, column))).sort((a, b) => b - a);
  }

  // Cross-correlation of an image with a small kernel (what deep learning calls convolution).
  // padding: rows of zeros around the image; stride: step of the output grid.
  function convolve(image, kernel, { stride = 1, padding = 1 } = {}) {
    const H = image.length,
      W = image[0].length,
      K = kernel.length;
    const rows = Math.floor((H + 2 * padding - K) / stride) + 1;
    const columns = Math.floor((W + 2 * padding - kernel[0].length) / stride) + 1;
    return Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => {
        let sum = 0;
        for (let i = 0; i < K; i++) {
          const line = image[r * stride + i - padding];
          if (!line) continue;
          for (let j = 0; j < kernel[0].length; j++) {
            const pixel = line[c * stride + j - padding];
            if (pixel !== undefined) sum += kernel[i][j] * pixel;
          }
        }
        return sum;
      }),
    );
  }

  // Mean and two-sided t-interval of a sample; no interval from fewer than two values.
  function interval(sample, level = 0.95) {
    const n = sample.length;
    const mean = sample.reduce((sum, value) => sum + value, 0) / n;
    if (n < 2) return { mean, low: null, high: null, n };
    const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
    const half = studentQuantile(level, n - 1) * Math.sqrt(variance / n);
    return { mean, low: mean - half, high: mean + half, n };
  }

  // Counts of a sample in equal bins between low and high (the last bin is closed).
  function histogram(sample, low, high, bins) {
    const counts = new Array(bins).fill(0);
    for (const value of sample) {
      const bin = Math.floor(((value - low) / (high - low)) * bins);
      if (value >= low && value <= high) counts[Math.min(bin, bins - 1)]++;
    }
    return counts;
  }

  return {
    logGamma,
    erf,
    normalPdf,
    normalCdf,
    logBeta,
    incompleteBeta,
    studentCdf,
    studentQuantile,
    linspace,
    logspace,
    transpose,
    matmul,
    singularValues,
    convolve,
    interval,
    histogram,
  };
})();
