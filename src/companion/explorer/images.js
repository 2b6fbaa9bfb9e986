// Pictures: heat maps, and grids of images from the sprite or from matrices.

// Anchors of the colour maps (dark to light; blue, white, red): both are safe for colour-blind readers.
const SEQUENTIAL = [
  [0, 32, 77],
  [49, 68, 107],
  [102, 105, 112],
  [149, 143, 120],
  [200, 184, 102],
  [255, 234, 70],
];
const DIVERGING = [
  [33, 88, 160],
  [110, 166, 213],
  [242, 242, 242],
  [240, 150, 108],
  [184, 52, 34],
];
const GREY = [
  [0, 0, 0],
  [255, 255, 255],
];

// Colour of t in [0, 1] between the anchors.
function colourOf(map, t) {
  const place = Math.min(Math.max(t, 0), 1) * (map.length - 1);
  const k = Math.min(Math.floor(place), map.length - 2);
  return map[k].map((channel, i) => Math.round(channel + (map[k + 1][i] - channel) * (place - k)));
}

// A canvas with one pixel for each entry of a matrix; null is transparent.
function paint(matrix, map, low, high) {
  const canvas = element("canvas", { width: matrix[0].length, height: matrix.length });
  const brush = canvas.getContext("2d");
  const pixels = brush.createImageData(canvas.width, canvas.height);
  matrix.flat().forEach((value, i) => {
    if (value === null || !Number.isFinite(value)) return;
    pixels.data.set([...colourOf(map, high > low ? (value - low) / (high - low) : 0.5), 255], 4 * i);
  });
  brush.putImageData(pixels, 0, 0);
  return canvas;
}

function drawHeatmap(spec, frame) {
  const { X, Y, area } = frame;
  const map = spec.diverging ? DIVERGING : SEQUENTIAL;
  const [low, high] = heatRange(spec);
  const canvas = paint([...spec.z].reverse(), map, low, high);
  const box = { x: area.left, y: area.top, width: area.right - area.left, height: area.bottom - area.top };
  const group = svg(
    "g",
    {},
    svg("image", { ...box, class: "cx-pixels", preserveAspectRatio: "none", href: canvas.toDataURL() }),
  );
  const few = spec.z.length * spec.z[0].length <= 80 && X.step > 34;
  spec.y.categories.forEach((b, r) =>
    spec.x.categories.forEach((a, c) => {
      const value = spec.z[r][c];
      const text = wordValue(value, spec.colour, 3);
      const short = spec.colour.percent ? text.slice(0, -2) : wordNumber(value, 3);
      if (few && value !== null) {
        const light = colourOf(map, (value - low) / (high - low))[1] > 128;
        group.append(
          svg(
            "text",
            { class: "cx-cell", x: round1(X(a)), y: round1(Y(b) + 4), fill: light ? "#000" : "#fff" },
            short,
          ),
        );
      }
      const title = `${spec.x.label} ${wordNumber(a)}, ${spec.y.label} ${wordNumber(b)}`;
      frame.hits.push({ x: X(a), y: Y(b), plane: true, title, lines: [{ name: spec.colour.label, text }] });
    }),
  );
  const chosen = spec.x.categories.includes(spec.rule) || spec.y.categories.includes(spec.cross);
  if (chosen) group.append(chosenCell(spec, frame));
  return group;
}

function chosenCell(spec, { X, Y, area }) {
  const column = spec.x.categories.includes(spec.rule),
    row = spec.y.categories.includes(spec.cross);
  const height = Math.abs(Y.step);
  return svg("rect", {
    class: "cx-chosen",
    x: column ? X(spec.rule) - X.step / 2 : area.left,
    y: row ? Y(spec.cross) - height / 2 : area.top,
    width: column ? X.step : area.right - area.left,
    height: row ? height : area.bottom - area.top,
  });
}

function heatRange(spec) {
  if (spec.colour.domain) return spec.colour.domain;
  const [low, high] = extent(spec.z.flat(), false, 0) || [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  return spec.diverging ? [-size, size] : [low, high];
}

// The key of a heat map: a strip of colour with its ends.
function heatKey(spec) {
  const [low, high] = heatRange(spec);
  const stops = (spec.diverging ? DIVERGING : SEQUENTIAL).map((rgb) => `rgb(${rgb})`).join(",");
  return element(
    "div",
    { class: "cx-key" },
    element("b", {}, axisTitle(spec.colour)),
    element("span", {}, wordValue(low, spec.colour, 3)),
    element("span", { class: "cx-strip", style: `background:linear-gradient(90deg,${stops})` }),
    element("span", {}, wordValue(high, spec.colour, 3)),
  );
}

// One tile: { sprite: index } cuts from the sprite, { values: matrix, low, high, map } is painted.
function drawTile(tile, sprite, picture) {
  let canvas;
  if (tile.values) {
    const [low, high] = [tile.low, tile.high].includes(undefined)
      ? extent(tile.values.flat(), false, 0) || [0, 1]
      : [tile.low, tile.high];
    canvas = paint(
      tile.values,
      { diverging: DIVERGING, sequential: SEQUENTIAL }[tile.map] || GREY,
      low,
      high,
    );
  } else {
    canvas = element("canvas", { width: sprite.width, height: sprite.height });
    const [row, column] = [Math.floor(tile.sprite / sprite.across), tile.sprite % sprite.across];
    const from = [column * sprite.width, row * sprite.height, sprite.width, sprite.height];
    canvas.getContext("2d").drawImage(picture, ...from, 0, 0, sprite.width, sprite.height);
  }
  furnish(canvas, { role: "img", "aria-label": tile.label || "image", class: "cx-pixels" }, []);
  const label = tile.label ? element("figcaption", {}, tile.label) : null;
  return element("figure", { class: "cx-tile", title: tile.title }, canvas, label);
}

function drawImages(spec, view) {
  const tiles = spec.tiles
    .filter((tile) => tile.values || view.picture)
    .map((tile) => drawTile(tile, view.state.sprite, view.picture));
  const least = spec.across ? `repeat(${spec.across}, minmax(0, 1fr))` : null;
  return element(
    "div",
    { class: "cx-tiles", style: least ? `grid-template-columns:${least}` : null },
    ...tiles,
  );
}
