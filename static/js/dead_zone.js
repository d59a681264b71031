// A jockey's pages in a dead zone: their forms are sent and their links followed only while the server can be reached,
// so that the page stays until then, with what was typed, drawn and chosen. Sent twice, a step counts once: the server
// sees to that.

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

async function goWhenReachable() {
  const goes = await isReachable();
  const { go } = pressed;
  pressed = null;
  document.querySelectorAll("[aria-busy]:is(button, a)").forEach((one) => one.removeAttribute("aria-busy"));
  if (goes) go();
  else sayOffline();
}

function holdBack(event, what, go, sends) {
  event.preventDefault();
  event.stopImmediatePropagation();
  const asks = pressed !== null;
  if (asks && pressed.sends && !sends) return; // what was typed is being sent: no way leads off until it is known
  pressed = { go, sends };
  what?.setAttribute("aria-busy", "true");
  if (!asks) goWhenReachable();
}

window.addEventListener("submit", (event) => { // window: before all others, which count it as sent
  const { target: form, submitter } = event;
  if (!form.matches("[method=post]") || !form.requestSubmit || reached === form) {
    reached = null;
    return;
  }
  holdBack(event, submitter, () => {
    reached = form;
    form.requestSubmit(submitter);
  }, true);
}, true);

window.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || link?.target || link?.hash;
  if (link && !elsewhere && link.origin === location.origin) holdBack(event, link, () => location.assign(link.href));
}, true);
