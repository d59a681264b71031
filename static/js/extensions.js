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

// The catalogue was drawn anew: what is typed still holds.
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target?.id === "catalog" && field()) filter(field());
});
