// Building HTML and SVG without any library.

// element("button", {class: "x", onclick: f}, "text", child): null attributes are left out.
function element(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const round1 = (pixels) => Math.round(pixels * 10) / 10;

// "M0 1L2 3": a path through points in pixels; a point that is not finite breaks the line.
function pathOf(points) {
  let path = "",
    pen = "M";
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    path += pen + round1(x) + " " + round1(y);
    pen = "L";
  }
  return path;
}

// A dot whose shape tells its series without colour; the diamond is kept for published values.
function dotPath(x, y, shape, r) {
  const at = (dx, dy) => round1(x + dx * r) + " " + round1(y + dy * r);
  switch (shape) {
    case "diamond":
      return `M${at(0, -1.5)}L${at(1.25, 0)}L${at(0, 1.5)}L${at(-1.25, 0)}Z`;
    case 1:
      return `M${at(-0.9, -0.9)}L${at(0.9, -0.9)}L${at(0.9, 0.9)}L${at(-0.9, 0.9)}Z`;
    case 2:
      return `M${at(0, -1.25)}L${at(1.15, 0.85)}L${at(-1.15, 0.85)}Z`;
    case 3:
      return `M${at(0, 1.25)}L${at(1.15, -0.85)}L${at(-1.15, -0.85)}Z`;
    case 4:
      return `M${at(-1.2, -0.45)}L${at(0, -1.3)}L${at(1.2, -0.45)}L${at(0.75, 1)}L${at(-0.75, 1)}Z`;
    default:
      return `M${at(-1, 0)}A${r} ${r} 0 1 1 ${at(1, 0)}A${r} ${r} 0 1 1 ${at(-1, 0)}Z`;
  }
}
