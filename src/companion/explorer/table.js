// The tidy table of an explorer: decoded once, then filtered by the controls.

const CODES = "0123456789abcdefghijklmnopqrstuvwxyz";

// One column: {d, s | i} is a dictionary with codes, {n, v} lists laid end to end, {v} plain values.
function decodeColumn(column) {
  if (column.d && column.s !== undefined)
    return Array.from(column.s, (code) => column.d[CODES.indexOf(code)]);
  if (column.d) return column.i.map((code) => column.d[code]);
  if (column.n === undefined) return column.v;
  let start = 0;
  const lengths = Array.isArray(column.n)
    ? column.n
    : new Array(column.v.length / (column.n || 1)).fill(column.n);
  return lengths.map((length) => {
    start += length;
    return column.v.slice(start - length, start);
  });
}

function decodeTable(data) {
  const columns = {};
  for (const [name, column] of Object.entries((data && data.columns) || {}))
    columns[name] = decodeColumn(column);
  return { size: (data && data.rows) || 0, columns };
}

// Values of a column without repetition: numbers in order, anything else as first met; nulls left out.
function distinct(column) {
  const values = [...new Set(column)].filter((value) => value !== null && value !== undefined);
  return values.every((value) => typeof value === "number") ? values.sort((a, b) => a - b) : values;
}

// Indices of the rows whose columns have the wanted values. A null in the table matches every value:
// a plain-ReLU row has no slope, so the slope's slider must not remove it.
function matching(table, wanted) {
  const tests = Object.entries(wanted).filter(([name]) => table.columns[name]);
  const rows = [];
  for (let row = 0; row < table.size; row++) {
    if (
      tests.every(([name, value]) => {
        const cell = table.columns[name][row];
        return cell === value || cell === null;
      })
    )
      rows.push(row);
  }
  return rows;
}

// The recorded row that differs from the wanted values in the fewest controls, then by the fewest steps.
function nearestRow(table, wanted, controls) {
  let best = null,
    least = Infinity;
  for (let row = 0; row < table.size; row++) {
    let distance = 0;
    for (const control of controls) {
      const column = table.columns[control.name];
      if (!column || column[row] === null || column[row] === wanted[control.name]) continue;
      const grid = control.grid;
      distance += 1 + Math.abs(grid.indexOf(column[row]) - grid.indexOf(wanted[control.name])) / grid.length;
    }
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}
