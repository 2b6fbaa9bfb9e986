// Axes: scales, ticks and the wording of numbers.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const superscript = (n) =>
  (n < 0 ? "⁻" : "") + String(Math.abs(n)).replace(/\d/g, (digit) => SUPERSCRIPTS[digit]);

// A number for reading: thin spaces in thousands, powers of ten at the extremes, a true minus sign.
function wordNumber(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const head = String(Number(mantissa)).replace("-", "−");
    return (head === "1" ? "" : head === "−1" ? "−" : head + "·") + "10" + superscript(Number(exponent));
  }
  const [whole, decimals] = String(
    Number(value.toPrecision(Math.max(digits, String(Math.round(size)).length))),
  ).split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
  return (grouped + (decimals ? "." + decimals : "")).replace("-", "−");
}

// A share in per cent: one decimal, more where it is small.
function wordShare(value) {
  const size = Math.abs(100 * value);
  return (100 * value).toFixed(size >= 1 || size === 0 ? 1 : 2).replace("-", "−");
}

// A value of an axis with its unit; a share is shown in per cent.
function wordValue(value, axis = {}, digits = 4) {
  if (typeof value !== "number") return wordNumber(value);
  if (axis.percent) return wordShare(value) + "\u202f%";
  return wordNumber(value, digits) + (axis.unit ? "\u202f" + axis.unit : "");
}

const axisTitle = (axis) => (axis.label || "") + (axis.percent ? " (%)" : axis.unit ? ` (${axis.unit})` : "");

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough)),
    over = rough / power;
  const step = power * (over >= 7.1 ? 10 : over >= 3.2 ? 5 : over >= 1.42 ? 2 : 1);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  const factors = decades < 1.2 ? [1, 2, 3, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
  const skip = factors.length === 1 ? Math.max(1, Math.ceil(decades / count)) : 1;
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    if (e % skip) continue;
    for (const factor of factors) {
      const tick = Number((factor * 10 ** e).toPrecision(12));
      if (tick >= low * 0.999999 && tick <= high * 1.000001) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : linearTicks(low, high, count);
}

// Smallest and largest of some numbers, with room around them; null where there are none.
// The room does not reach below 0 where no number does.
function extent(values, log, room = 0.06) {
  let low = Infinity,
    high = -Infinity;
  for (const value of values) {
    if (typeof value !== "number" || !Number.isFinite(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  if (log) {
    const factor = low === high ? 1.5 : (high / low) ** room;
    return [low / factor, high * factor];
  }
  const margin = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * room;
  return [low < 0 ? low - margin : Math.max(low - margin, 0), high + margin];
}

// A scale from data to pixels. axis: {log, categories, ticks, domain}; range: [first, last] in pixels.
function makeScale(axis, range) {
  const [from, to] = range;
  if (axis.categories) {
    const step = (to - from) / axis.categories.length;
    const scale = (value) => from + step * (axis.categories.indexOf(value) + 0.5);
    return Object.assign(scale, { ticks: () => axis.categories, step, axis });
  }
  const [low, high] = axis.domain || [axis.log ? 1 : 0, axis.log ? 10 : 1];
  const bend = axis.log ? Math.log : (value) => value;
  const slope = (to - from) / (bend(high) - bend(low));
  const scale = (value) => from + slope * (bend(value) - bend(low));
  const ticks = (count) => {
    if (!axis.ticks) return (axis.log ? logTicks : linearTicks)(low, high, count);
    return axis.ticks.filter((tick) => tick >= low && tick <= high);
  };
  return Object.assign(scale, { ticks, axis });
}
