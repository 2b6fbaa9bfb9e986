// Expected test error of a network that has seen n training images: E(n) = E_min + (1 - E_min) a / (a + b + n).
registerForm("learning_curve", ({ E_min, a, b }, { maths, extra, series }) => {
  const error = (n) => E_min + ((1 - E_min) * a) / (a + b + n);
  const measured = series("n", "error");
  const low = extra.low || 1,
    high = extra.high || 1000;
  const n = maths.logspace(low, high, 121);
  const gap = measured.flatMap((one) => one.x.map((x, i) => (error(x) - one.y[i]) ** 2));
  const readouts = [
    { label: `error at ${high} images`, value: error(high), percent: true },
    { label: "asymptote E_min", value: E_min, percent: true },
  ];
  if (gap.length) {
    const rms = Math.sqrt(gap.reduce((sum, one) => sum + one, 0) / gap.length);
    readouts.push({ label: "root-mean-square distance to the points", value: rms, percent: true });
  }
  return {
    panels: [
      {
        kind: "line",
        x: { label: "Training images n", log: true },
        y: { label: "Expected error", percent: true },
        series: [
          { name: "closed form", x: n, y: n.map(error), slot: 0 },
          ...measured.map((one, k) => ({
            ...one,
            name: one.name || "measured",
            style: "points",
            slot: k + 1,
          })),
        ],
        markers: [{ y: E_min, label: "E_min" }],
      },
    ],
    readouts,
  };
});
