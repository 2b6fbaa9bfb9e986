// The numbers behind the figure as CSV: one line per drawn point, seeds included.

function csvCell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function panelRows(spec, index) {
  const head = [spec.title || `panel ${index + 1}`];
  if (spec.kind === "images") return [];
  if (spec.kind === "heatmap")
    return spec.z.flatMap((line, r) =>
      line.map((z, c) => [
        ...head,
        spec.colour.label,
        "mean",
        spec.x.categories[c],
        spec.y.categories[r],
        "",
        "",
        z,
      ]),
    );
  return spec.series.flatMap((one) => {
    if (spec.kind === "histogram")
      return one.counts.map((count, i) => [
        ...head,
        one.name,
        "count",
        one.edges[i],
        count,
        "",
        "",
        one.edges[i + 1],
      ]);
    const kind = one.n ? "mean" : spec.kind === "scatter" ? "row" : "value";
    const at = (list, i) => (list ? list[i] : null);
    const means = one.x.map((x, i) => [
      ...head,
      one.name,
      kind,
      x,
      one.y[i],
      at(one.low, i),
      at(one.high, i),
      at(one.n, i),
    ]);
    const seeds = (one.seeds || []).flatMap((seed) =>
      seed.points.map(([x, y]) => [...head, one.name, `seed ${seed.name}`, x, y, "", "", 1]),
    );
    return means.concat(seeds);
  });
}

// Columns: panel, series, which (mean, a seed, ...), x, y, the interval, and n (a histogram's upper edge, a heat map's value).
function csvOf(specs) {
  const lines = [["panel", "series", "which", "x", "y", "low", "high", "n_or_value"]].concat(
    specs.flatMap(panelRows),
  );
  return lines.map((line) => line.map(csvCell).join(",")).join("\n") + "\n";
}

function download(name, text) {
  const link = element("a", {
    href: URL.createObjectURL(new Blob([text], { type: "text/csv" })),
    download: name,
  });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
