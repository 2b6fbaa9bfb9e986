// The view in the page's address: #explorer-one:alpha=1.5&width=64;explorer-two:...

function readAddress() {
  const views = new Map();
  for (const part of location.hash.slice(1).split(";")) {
    const [id, rest] = [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1)];
    if (part.includes(":") && id.startsWith("explorer-")) views.set(id, rest);
  }
  return views;
}

// Put one explorer's view into the address and leave the others there; an empty view is removed.
function writeAddress(id, pairs) {
  const views = readAddress();
  views.delete(id);
  if (pairs.length)
    views.set(
      id,
      pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&"),
    );
  const hash = [...views].map(([name, rest]) => `${name}:${rest}`).join(";");
  if (!hash && !location.hash.includes("explorer-")) return;
  history.replaceState(history.state, "", location.pathname + location.search + (hash ? "#" + hash : ""));
}

// The pairs of one explorer in the address, or null where it is not named there.
function pairsFor(id) {
  const rest = readAddress().get(id);
  if (rest === undefined) return null;
  return new Map(
    rest
      .split("&")
      .filter(Boolean)
      .map((pair) => pair.split("=").map(decodeText)),
  );
}

function decodeText(text) {
  try {
    return decodeURIComponent(text || "");
  } catch {
    return text;
  }
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = element("textarea", { "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}
