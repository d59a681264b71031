// The catalogue's filter, the ticks beside it, and what sending does to the form's saving of itself. All else is the
// server's.

// Typing shows only the usual work whose name contains it, that of other services too.

function filter(field) {
  const wanted = field.value.trim().toLowerCase();
  const items = [...document.querySelectorAll("#catalog .catalog-item")];
  const found = (item) => item.querySelector("span").firstChild.textContent.toLowerCase().includes(wanted);
  items.forEach((item) => (item.hidden = wanted ? !found(item) : item.hasAttribute("data-elsewhere")));
  const none = document.querySelector("#catalog .no-match");
  if (none) none.hidden = !wanted || items.some((item) => !item.hidden);
}

const field = () => document.getElementById("catalog-search");

document.addEventListener("input", (event) => {
  if (event.target !== field()) return;
  event.stopPropagation(); // it is no part of the offer: nothing is saved
  filter(event.target);
}, true);

document.addEventListener("change", (event) => {
  if (event.target === field()) event.stopPropagation();
}, true);

// Enter in a field of the offer leaves the page as it is; it is saved already.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("#offer-form input:not([type=checkbox])")) event.preventDefault();
});

// The lines were drawn anew: usual work that is among them is ticked, and another tap takes it out.
function tick(button, taken) {
  const use = button.querySelector("use");
  button.setAttribute("aria-pressed", taken);
  button.name = taken ? "take_out" : "add";
  use.setAttribute("href", use.getAttribute("href").replace(/#icon-.*/, taken ? "#icon-check" : "#icon-plus"));
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "lines") return;
  const taken = new Set([...document.querySelectorAll("#lines [name$=-work_item]")].map((input) => input.value));
  document.querySelectorAll("#catalog .catalog-item").forEach((button) => tick(button, taken.has(button.value)));
});

// A second tap on the same usual work before the first one has shown, or just after it, is the same tap.
const SAME_TAP_MS = 500;

document.addEventListener("click", (event) => {
  const tile = event.target.closest("#catalog .catalog-item");
  if (!tile) return;
  if (tile.hasAttribute("data-tapped")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
  tile.setAttribute("data-tapped", "");
}, true);

document.addEventListener("htmx:afterRequest", ({ detail: { elt } }) => {
  if (elt.matches("#catalog .catalog-item")) setTimeout(() => elt.removeAttribute("data-tapped"), SAME_TAP_MS);
});

// Sending ends the saving: what is still to be saved is sent along. The server refuses what comes late all the same.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.id !== "offer-form") return;
  event.target.dataset.sent = "yes";
  htmx.trigger(event.target, "htmx:abort");
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.closest("#offer-form[data-sent]")) event.preventDefault();
});

window.addEventListener("pageshow", () => {
  const form = document.getElementById("offer-form");
  if (form) delete form.dataset.sent;
  document.querySelectorAll("#catalog [data-tapped]").forEach((tile) => tile.removeAttribute("data-tapped"));
});

// A question leaves the page: what is ticked goes along and comes back ticked.
document.addEventListener("submit", (event) => {
  if (!event.target.closest("#ask")) return;
  event.target.querySelectorAll("input[name=item]").forEach((input) => input.remove());
  document.querySelectorAll("#decision input[name=item]:checked").forEach((tick) => {
    event.target.append(Object.assign(document.createElement("input"), { type: "hidden", name: "item", value: tick.value }));
  });
}, true);

// A mistake that is being mended leaves its field and the list of mistakes; with the last one the list goes.
function forget(targets) {
  const summary = document.querySelector("#offer-form #errors");
  summary?.querySelectorAll(targets).forEach((link) => link.closest("li").remove());
  if (summary && !summary.querySelector("li")) summary.remove();
}

document.addEventListener("input", ({ target }) => {
  if (!target.id || !target.closest("#offer-form")) return;
  forget(`a[href="#${CSS.escape(target.id)}"]`);
  if (!target.hasAttribute("aria-invalid")) return;
  target.removeAttribute("aria-invalid");
  document.getElementById(`${target.id}-error`)?.remove();
  target.closest(".field")?.classList.remove("has-error");
});

// The lines were drawn anew, with other numbers: what the list said of them is over; sending says it again.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "lines") forget("a[href^='#items-'], a[href='#catalog']");
});

// What is typed while the lines are being drawn anew is typed again into the new ones; not when one was taken out,
// whose number another line has then.

const fieldsOfLines = () => [...document.querySelectorAll("#lines input:not([type=hidden], [type=file]), #lines textarea")];
const numberOfLines = () => document.querySelectorAll("#lines fieldset.line-edit").length;
let sent = new Map(); // name of a field -> what the server was told
let since = { lines: 0, typed: [] };

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.target.id === "lines") sent = new Map(fieldsOfLines().map((one) => [one.name, one.value]));
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "lines") return;
  const typed = fieldsOfLines().filter((one) => sent.has(one.name) && sent.get(one.name) !== one.value);
  since = { lines: numberOfLines(), typed: typed.map((one) => [one.name, one.value]) };
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "lines" || numberOfLines() < since.lines) return;
  for (const [name, value] of since.typed) {
    const again = fieldsOfLines().find((one) => one.name === name);
    if (!again) continue;
    again.value = value;
    again.dispatchEvent(new Event("input", { bubbles: true })); // it is saved like everything else
  }
});
