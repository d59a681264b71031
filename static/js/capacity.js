// One place more or less: a big button on each side of the number. Without script the field is typed into.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  const field = button && document.getElementById(button.dataset.for);
  if (!field) return;
  const wanted = Number(field.value || 0) + Number(button.dataset.step);
  field.value = Math.min(Number(field.max), Math.max(Number(field.min), wanted));
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
