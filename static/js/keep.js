// What was typed into a form with data-keep stays in this tab until it has been taken: whoever leaves the page, changes
// the language or has to sign in again finds it there. Nothing of it is sent anywhere, and signing out forgets it.
// data-keep="address": also the page's query, where the photos stand that were taken.

const PREFIX = "typed:";
const DOORS = ["/login", "/login/code", "/login/password", "/staff/login"];
const NEVER = ["file", "password", "submit", "button"];

const keyOf = (form) => `${PREFIX}${location.pathname}#${form.id}`;
const pathOf = (key) => key.slice(PREFIX.length).split("#")[0];
const formOf = (key) => document.getElementById(key.split("#")[1]);
const kept = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
const read = (key) => JSON.parse(sessionStorage.getItem(key));
const isTicked = (field) => ["checkbox", "radio"].includes(field.type);

function write(key, entry) {
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    sessionStorage.removeItem(key); // full, of drawings say: then this one is not kept
  }
}

function fieldsOf(form) {
  const isTyped = (field) => field.id && !NEVER.includes(field.type) && (field.type !== "hidden" || "kept" in field.dataset);
  return [...form.elements].filter(isTyped);
}

function keep(form, sent = false) {
  const values = fieldsOf(form).map((field) => [field.id, isTicked(field) ? field.checked : field.value]);
  write(keyOf(form), { values, search: form.dataset.keep === "address" ? location.search : "", sent });
}

function restore(form, { values }) {
  for (const [id, value] of values) {
    const field = document.getElementById(id);
    const name = field && isTicked(field) ? "checked" : "value";
    if (!field || field.form !== form || field[name] === value) continue;
    field[name] = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// The page after sending: another one means that it was taken, except a door or the page of an error, which has no form.
function letGo() {
  for (const key of kept().filter((one) => read(one).sent)) {
    const isHere = pathOf(key) === location.pathname;
    if (DOORS.includes(location.pathname) || (isHere && !formOf(key))) write(key, { ...read(key), sent: false });
    else sessionStorage.removeItem(key);
  }
}

function begin(form) {
  const entry = read(keyOf(form));
  if (document.querySelector(".error-summary")) keep(form); // the server shows what was typed, and why it is not taken
  else if (entry?.search && !location.search) location.replace(location.pathname + entry.search);
  else if (entry) restore(form, entry);
}

letGo();
document.querySelectorAll("form[data-keep]").forEach(begin);

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target: { form } }) => form?.dataset.keep !== undefined && keep(form));
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.matches("[action$='/logout']")) kept().forEach((key) => sessionStorage.removeItem(key));
  if (event.target.dataset.keep !== undefined) keep(event.target, true);
});
