// A jockey's forms in a dead zone: they are sent only while the server can be reached, so that what was typed, drawn and
// chosen stands on the page until then. Sent twice, a step counts once: the server sees to that.

const PATIENCE_MS = 8000;
let reached = null; // the form that may go now

async function isReachable() {
  try {
    const wait = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
    return navigator.onLine && (await fetch("/health", wait)).ok;
  } catch {
    return false;
  }
}

function sayOffline() {
  const note = document.getElementById("offline-note").content.cloneNode(true);
  document.getElementById("live").replaceChildren(note);
}

async function sendWhenReachable(form, button) {
  button?.setAttribute("aria-busy", "true");
  const goes = await isReachable();
  button?.removeAttribute("aria-busy");
  if (!goes) return sayOffline();
  reached = form;
  form.requestSubmit(button);
}

let asks = false;
window.addEventListener("submit", async (event) => { // window: before all others, which count it as sent
  const form = event.target;
  if (form.id !== "tour-form" || event.submitter?.formNoValidate || reached === form) {
    reached = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (asks) return;
  asks = true;
  await sendWhenReachable(form, event.submitter);
  asks = false;
}, true);
