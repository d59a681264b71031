// Regions that follow what others do (macros/live.html). htmx asks every 2.5 s; this file decides when it may not:
// in a hidden tab, and while somebody works inside the region. Then the newest state comes as soon as they are done.

const TYPED_INTO = "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const AT_WORK = "dialog[open], .modal.show, .htmx-request, [data-unsaved]";
const SENTENCES_AT_ONCE = 3;

const regionOf = (event) => {
  const elt = event.detail.requestConfig?.elt ?? event.detail.elt;
  return elt?.dataset?.live === undefined ? null : elt;
};

// ---- is somebody at work in there? ----

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "hidden") return false;
  if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((o) => o.defaultSelected));
  return field.value !== field.defaultValue;
}

function isInUse(region) {
  const focused = document.activeElement;
  if (region.contains(focused) && focused.matches(TYPED_INTO)) return true;
  if (region.querySelector(AT_WORK) || region.querySelector(":popover-open")) return true;
  return [...region.querySelectorAll("input, textarea, select")].some(isChanged);
}

// ---- when to ask ----

function showNote(templateId) {
  const template = document.getElementById(templateId);
  if (template) document.getElementById("live").replaceChildren(template.content.cloneNode(true));
}

function wake() {
  if (!document.hidden) document.querySelectorAll("[data-live]").forEach((region) => htmx.trigger(region, "wake"));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const region = regionOf(event);
  if (!region) return;
  const waits = region.dataset.held && isInUse(region); // that there is news is known already
  if (document.hidden || waits || region.dataset.ended) event.preventDefault();
});

document.addEventListener("visibilitychange", wake);

function wakeHeld() {
  document.querySelectorAll("[data-live][data-held]").forEach((region) => {
    if (!isInUse(region)) htmx.trigger(region, "wake");
  });
}

for (const name of ["focusout", "change", "reset", "toggle", "close"]) {
  document.addEventListener(name, () => setTimeout(wakeHeld), true);
}

// ---- when to replace ----

const sentences = (region) =>
  new Map([...region.querySelectorAll("[id][data-said]")].map((elt) => [elt.id, elt.dataset.said]));

function remember(region) {
  const open = [...region.querySelectorAll("details[id]")].map((elt) => [elt.id, elt.open]);
  return { said: sentences(region), open };
}

const before = new Map(); // id of a region -> what it showed

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = regionOf(event);
  if (!region || !event.detail.shouldSwap) return;
  if (event.detail.isError) {
    event.detail.shouldSwap = false;
    fail(region);
  } else if (isInUse(region)) {
    event.detail.shouldSwap = false;
    if (!region.dataset.held) showNote("held-note");
    region.dataset.held = "yes";
  } else {
    before.set(region.id, remember(region));
  }
});

document.addEventListener("htmx:afterSwap", () => {
  for (const [id, old] of before) {
    before.delete(id);
    const region = document.getElementById(id);
    if (region) restore(region, old);
  }
});

function restore(region, old) {
  for (const [id, open] of old.open) {
    const details = document.getElementById(id);
    if (details) details.open = open;
  }
  const news = [...sentences(region)].filter(([id, text]) => text && old.said.get(id) !== text);
  if (!news.length) return;
  const value = news.slice(0, SENTENCES_AT_ONCE).map(([, text]) => text).join(" ");
  document.dispatchEvent(new CustomEvent("announce", { detail: { value } }));
}

// ---- without a connection, and signed out: said once, and nothing is lost ----

function fail(region) {
  if (!region.dataset.failing) showNote("offline-note");
  region.dataset.failing = "yes";
}

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  window.addEventListener(
    name,
    (event) => {
      const region = regionOf(event);
      if (!region) return;
      event.stopImmediatePropagation(); // app.js would say it again and again
      fail(region);
    },
    true,
  );
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const region = regionOf(event);
  if (!region) return;
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) return leave(event, region);
  if (event.detail.xhr.status < 400 && region.dataset.failing) {
    delete region.dataset.failing;
    document.getElementById("live").replaceChildren();
  }
});

function leave(event, region) {
  event.preventDefault();
  if (!isInUse(region)) return location.reload(); // the door knows the way back
  region.dataset.ended = "yes";
  showNote("signed-out-note");
}
