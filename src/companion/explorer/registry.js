// Closed forms by name: form(values, context) -> { panels: [...], readouts: [...] }.
// context: { maths, extra, series(x, y, series), column(name) }; the panels are what panels.js draws.
const forms = {};

function registerForm(name, form) {
  if (forms[name]) throw new Error(`two closed forms are called ${name}`);
  forms[name] = form;
}
