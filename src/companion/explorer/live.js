// With a kernel: ask for it (ping, pong), then offer to train a point that is not in the records.

function makeLive(view, model) {
  const state = { trains: false, busy: false, history: [], started: 0, told: "" };
  const text = element("span", { class: "cx-live-text" });
  const button = element(
    "button",
    { type: "button", class: "cx-button cx-primary", onclick: () => start() },
    "Train this point",
  );
  const cancel = element(
    "button",
    { type: "button", class: "cx-button", onclick: () => model.send({ type: "cancel" }) },
    "Cancel",
  );
  const bar = element("progress", { max: 1, value: 0, "aria-label": "training" });
  const problem = element("p", { class: "cx-problem", role: "alert" });
  const curve = element("div", { class: "cx-live-curve" });
  const node = element("div", { class: "cx-live", hidden: true }, text, button, cancel, bar, problem, curve);

  function start() {
    Object.assign(state, { busy: true, history: [], started: Date.now() });
    problem.textContent = "";
    bar.value = 0;
    curve.replaceChildren();
    text.textContent = "Starting …";
    model.send({ type: "train", values: view.values });
    refresh();
  }

  function refresh() {
    const missing = state.trains && !view.recorded();
    node.hidden = !state.trains || (!missing && !state.busy && !problem.textContent && !state.told);
    button.hidden = state.busy || !missing;
    for (const one of [cancel, bar]) one.hidden = !state.busy;
    if (!state.busy)
      text.textContent = [state.told, missing ? "This point is not in the records yet." : ""]
        .filter(Boolean)
        .join(" ");
  }

  function progress({ done, total, label, metrics }) {
    bar.value = total ? done / total : 0;
    const left = done ? (((Date.now() - state.started) / done) * (total - done)) / 1000 : null;
    const wait =
      left === null
        ? ""
        : `, about ${left < 90 ? Math.ceil(left) + " s" : Math.ceil(left / 60) + " min"} left`;
    text.textContent = `${label || "Training"} ${done} of ${total}${wait}`;
    if (metrics && Object.keys(metrics).length) {
      state.history.push({ done, metrics });
      drawCurves();
    }
  }

  function drawCurves() {
    const names = Object.keys(state.history[state.history.length - 1].metrics).slice(0, 2);
    curve.replaceChildren(
      ...names.map((name, k) => {
        const rows = state.history.filter((row) => typeof row.metrics[name] === "number");
        const one = {
          name,
          slot: k,
          x: rows.map((row) => row.done),
          y: rows.map((row) => row.metrics[name]),
        };
        const spec = {
          kind: "line",
          title: name,
          x: { label: "step" },
          y: { label: name.replace(/_/g, " ") },
          series: [one],
        };
        return drawPlot(spec, Math.min(340, Math.max(view.width / 2 - 12, 240)), {
          key: `${view.key}-live${k}`,
          seeds: false,
        }).picture;
      }),
    );
  }

  function finish(told, trouble = "") {
    state.busy = false;
    state.told = told;
    problem.textContent = trouble;
    curve.replaceChildren();
    refresh();
  }

  model.on("msg:custom", (message) => {
    if (message.type === "pong") {
      state.trains = Boolean(message.trains);
      if (state.trains) view.goLive();
      refresh();
    } else if (message.type === "progress") progress(message);
    else if (message.type === "done") finish(message.message || "Trained and recorded.");
    else if (message.type === "cancelled") finish("Cancelled; nothing was recorded.");
    else if (message.type === "error") finish("", message.message);
  });
  model.send({ type: "ping" });
  return {
    node,
    refresh,
    forget: () => {
      state.told = "";
      problem.textContent = "";
    },
  };
}
