// The static host: feeds render() from the JSON in the page, with a model that has no kernel behind it.

function pageModel(state) {
  const values = { state, host: "page" };
  const nothing = () => {};
  return {
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
    },
    on: nothing,
    off: nothing,
    save_changes: nothing,
    send: nothing,
  };
}

function mount(host) {
  if (host.classList.contains("is-live")) return;
  try {
    const el = element("div", { class: "cx-mount" });
    host.append(el);
    host.classList.add("is-live");
    render({ model: pageModel(JSON.parse(host.querySelector("script").textContent)), el });
  } catch (error) {
    host.classList.remove("is-live");
    console.error(error);
  }
}

function mountAll() {
  document.querySelectorAll(".cx-host").forEach(mount);
  const named = [...readAddress().keys()].map((id) => document.getElementById(id)).find(Boolean);
  if (named) named.scrollIntoView({ block: "start" });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
