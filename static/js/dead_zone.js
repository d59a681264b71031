// A jockey's pages in a dead zone: each of their forms is sent only while the server can be reached, so that the page
// stays until then, with what was typed, drawn and chosen. Sent twice, a step counts once: the server sees to that.

const PATIENCE_MS = 15000;
let reached = null; // the form that may go now

async function isReachable() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    return (await fetch("/health", { method: "HEAD", cache: "no-store", signal: patience.signal })).ok;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function sayOffline() {
  const note = document.getElementById("offline-note").content.cloneNode(true);
  document.getElementById("live").replaceChildren(note);
}

let pressed = null; // what was pressed last, while we ask whether the server can be reached

async function sendWhenReachable() {
  const goes = await isReachable();
  const { form, button } = pressed;
  pressed = null;
  document.querySelectorAll("button[aria-busy]").forEach((one) => one.removeAttribute("aria-busy"));
  if (!goes) return sayOffline();
  reached = form;
  form.requestSubmit(button);
}

window.addEventListener("submit", (event) => { // window: before all others, which count it as sent
  const form = event.target;
  if (!form.matches("[method=post]") || !form.requestSubmit || reached === form) {
    reached = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  const asks = pressed !== null;
  pressed = { form, button: event.submitter };
  event.submitter?.setAttribute("aria-busy", "true");
  if (!asks) sendWhenReachable();
}, true);
