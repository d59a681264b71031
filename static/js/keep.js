// What was typed into a form with data-keep stays in this tab until it has been taken: whoever leaves the page, changes
// the language, loses the network or has to sign in again finds it there. Nothing of it is sent anywhere, nobody else
// gets to see it, and signing out forgets it. Ticks are not kept: they confirm something, and are set anew.
// data-keep="address": also the page's query, where the photos stand that were taken.

const PREFIX = "typed:";
const DOORS = ["/login", "/login/code", "/login/password", "/staff/login"];
const NEVER = ["checkbox", "file", "password", "submit", "button"];

const person = document.body.dataset.person;
const isAtDoor = DOORS.includes(location.pathname); // nobody is signed in here, and the one who was may come back
const wasLed = performance.getEntriesByType("navigation")[0]?.redirectCount > 0; // here, by a form that was taken, say
const stood = new WeakMap(); // form -> what its fields held when nothing was typed yet
const led = new WeakMap(); // form that came back refused -> the query of its page: the answer to a form has none

const keyOf = (form) => `${PREFIX}${location.pathname}#${form.id}`;
const kept = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
const read = (key) => JSON.parse(sessionStorage.getItem(key));
const valueOf = (field) => (field.type === "radio" ? field.checked : field.value);

function write(key, entry) {
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    sessionStorage.removeItem(key); // full, of drawings say: then this one is not kept
  }
}

function valuesOf(form) {
  const isTyped = (field) => field.id && !NEVER.includes(field.type) && (field.type !== "hidden" || "kept" in field.dataset);
  return Object.fromEntries([...form.elements].filter(isTyped).map((field) => [field.id, valueOf(field)]));
}

function keep(form, sent = false) {
  const search = form.dataset.keep === "address" ? location.search || led.get(form) || "" : "";
  write(keyOf(form), { person, before: stood.get(form), values: valuesOf(form), search, sent });
}

// Only where there still stands what stood there when it was typed: what is newer than that stays.
function restore(form, { before, values }) {
  for (const [id, value] of Object.entries(values)) {
    const field = document.getElementById(id);
    if (field?.form !== form || valueOf(field) === value || valueOf(field) !== before[id]) continue;
    field[field.type === "radio" ? "checked" : "value"] = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// A form that was sent is forgotten when its answer led here; at a door, on the page of an error or when the network
// was away it was not taken.
function letGo(key) {
  const entry = read(key);
  const isHere = key.startsWith(`${PREFIX}${location.pathname}#`);
  const isRefused = isHere && document.querySelector(".error-summary");
  if (isAtDoor || isRefused) write(key, { ...entry, sent: false });
  else if (entry.person !== person || (entry.sent && wasLed)) sessionStorage.removeItem(key);
  else write(key, { ...entry, sent: false });
}

function begin(form) {
  const entry = read(keyOf(form));
  stood.set(form, valuesOf(form));
  if (document.querySelector(".error-summary")) { // the server shows what was typed, and why it is not taken
    if (entry) stood.set(form, entry.before);
    led.set(form, entry?.search);
    keep(form);
  } else if (entry?.search && !location.search) location.replace(location.pathname + entry.search);
  else if (entry) restore(form, entry);
}

kept().forEach(letGo);
document.querySelectorAll("form[data-keep]").forEach(begin);

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target: { form } }) => form?.dataset.keep !== undefined && keep(form));
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.matches("[action$='/logout']")) kept().forEach((key) => sessionStorage.removeItem(key));
  if (event.target.dataset.keep !== undefined) keep(event.target, true);
});
