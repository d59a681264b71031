// The catalogue's filter: typing shows only the usual work whose name contains it. Everything else is the server's.

function filter(field) {
  const wanted = field.value.trim().toLowerCase();
  const items = [...document.querySelectorAll("#catalog .catalog-item")];
  items.forEach((item) => (item.hidden = !item.textContent.toLowerCase().includes(wanted)));
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
