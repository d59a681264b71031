// What script adds to pages that work without it: the CSRF header for htmx, a guard against double clicks,
// focus on errors, messages for screen readers, the countdown of a held appointment. Nothing here decides anything.

const BUSY_SHOWN_AFTER_MS = 300;
const BUSY_AT_MOST_MS = 20000;
const MESSAGE_STAYS_MS = 10000;
const HOLD_WARNING_MINUTES = 5;

const live = () => document.getElementById("live");

// ---- requests of htmx carry the token and explain themselves when they fail ----

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb === "get") return;
  const token = document.querySelector("meta[name=csrf-token]");
  if (token) event.detail.headers["X-CSRFToken"] = token.content;
});

function showNote(templateId) {
  const template = document.getElementById(templateId);
  if (template) live().replaceChildren(template.content.cloneNode(true));
}

document.addEventListener("htmx:sendError", () => showNote("offline-note"));
document.addEventListener("htmx:timeout", () => showNote("late-note"));

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// ---- what runs over time begins at its end, where there is less room than time ----

for (const one of document.querySelectorAll("[data-scroll-end]")) one.scrollLeft = one.scrollWidth;

// ---- a link with data-carry takes along what was typed into the field of that id: nobody types it twice ----

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-carry]");
  const field = link && document.getElementById(link.dataset.carry);
  if (!field) return;
  const address = new URL(link.href);
  if (field.value.trim()) address.searchParams.set(field.name, field.value.trim());
  else address.searchParams.delete(field.name);
  link.href = address.href;
});

// ---- what a click has brought is shown: links with data-reveal scroll there when it is out of sight ----

document.addEventListener("htmx:afterSettle", (event) => {
  const wanted = event.detail.requestConfig?.elt.dataset.reveal;
  if (wanted) document.querySelector(wanted)?.scrollIntoView({ block: "nearest" });
});

// ---- a choice made while the page was still loading, or set anew by what was kept: nobody heard its change ----

document.addEventListener("DOMContentLoaded", () => {
  for (const choice of document.querySelectorAll(":is(input[hx-get], form[hx-get] input)[type=radio]:checked")) {
    if (!choice.defaultChecked) choice.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// ---- messages: the server sends "HX-Trigger: {"announce": "..."}" ----

function announce(text) {
  const note = document.createElement("div");
  note.className = "toast-note";
  note.textContent = text;
  live().replaceChildren(note);
  setTimeout(() => note.remove(), MESSAGE_STAYS_MS);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) live().replaceChildren();
});

document.addEventListener("announce", (event) => announce(event.detail.value));

// ---- errors: focus goes to the summary, its links go to the fields ----

function focusErrors(root) {
  const summary = root.matches?.(".error-summary") ? root : root.querySelector(".error-summary");
  if (summary) summary.focus();
}

document.addEventListener("htmx:afterSettle", (event) => focusErrors(event.detail.elt));
focusErrors(document);

document.addEventListener("click", (event) => {
  const link = event.target.closest(".error-summary a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.scrollIntoView({ block: "center" });
});

// ---- a swap took away what had the focus, the way to a month that is none, say: its place gets it ----

let focusedBefore = "";
document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  focusedBefore = target.contains(document.activeElement) ? document.activeElement.id : "";
});
document.addEventListener("htmx:afterSettle", () => {
  const isLost = focusedBefore && document.activeElement === document.body && !document.getElementById(focusedBefore);
  if (isLost) document.querySelector("[data-focus-instead]")?.focus();
});

// ---- busy: the second click on the same form is ignored, the wait is shown after 300 ms ----

const sending = new Map(); // forms that were sent: a second click on them is ignored
const asking = new Map(); // what htmx is waiting for, a price that follows a choice, say: a form may be sent meanwhile

function markBusy(waits, asker, shownOn) {
  const show = () => shownOn?.setAttribute("aria-busy", "true");
  const timers = [setTimeout(show, BUSY_SHOWN_AFTER_MS), setTimeout(() => release(waits, asker), BUSY_AT_MOST_MS)];
  waits.set(asker, { shownOn, timers });
}

function release(waits, asker) {
  const entry = waits.get(asker);
  if (!entry) return;
  entry.timers.forEach(clearTimeout);
  entry.shownOn?.removeAttribute("aria-busy");
  waits.delete(asker);
}

function guardSubmit(event) {
  const form = event.target;
  if (form.dataset.repeatable !== undefined) return;
  if (sending.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  markBusy(sending, form, event.submitter);
}

// A click on a link of htmx shows on the button itself, else on the region that it will change; polling shows nothing.
function showWait(event) {
  const { elt, target, requestConfig } = event.detail;
  const cause = requestConfig.triggeringEvent?.type;
  if (asking.has(elt) || !["click", "change", "input"].includes(cause)) return;
  markBusy(asking, elt, elt.matches(".btn") ? elt : target);
}

function endWait(event) {
  release(asking, event.detail.elt);
  if (event.detail.requestConfig.triggeringEvent?.type === "submit") release(sending, event.detail.elt);
}

document.addEventListener("submit", guardSubmit, true);
document.addEventListener("htmx:beforeRequest", showWait);
document.addEventListener("htmx:afterRequest", endWait);

// The page may come back from the back-forward cache exactly as it was left: nothing is under way any more.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) [...sending.keys()].forEach((form) => release(sending, form));
});

// ---- countdown of a held appointment, by elapsed time: the clock of the phone may be wrong ----

function remainingText(element, minutes) {
  if (minutes <= 0) return element.dataset.over;
  return minutes === 1 ? element.dataset.one : element.dataset.many.replace("#", minutes);
}

function startCountdown(element) {
  if (element.dataset.running) return;
  element.dataset.running = "yes";
  const startedAt = Date.now();
  const seconds = Number(element.dataset.secondsLeft);
  let shown = Math.ceil(seconds / 60);
  const timer = setInterval(() => {
    if (!element.isConnected) return clearInterval(timer);
    const minutes = Math.max(0, Math.ceil((seconds - (Date.now() - startedAt) / 1000) / 60));
    if (minutes === shown) return;
    if (shown > HOLD_WARNING_MINUTES && minutes <= HOLD_WARNING_MINUTES && minutes > 0) announce(element.dataset.warning);
    shown = minutes;
    element.textContent = remainingText(element, minutes);
    if (minutes > 0) return;
    clearInterval(timer);
    announce(element.dataset.over);
    element.dispatchEvent(new CustomEvent("expired", { bubbles: true }));
  }, 1000);
}

function startCountdowns() {
  document.querySelectorAll("[data-expires-at]").forEach(startCountdown);
}

document.addEventListener("htmx:afterSettle", startCountdowns);
startCountdowns();

// ---- staff's tabs on a narrow screen: the one that is open stands in sight ----

document.querySelector(".side-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
