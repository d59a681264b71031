// The upload field of macros/media.html: each chosen file is sent at once, with its progress, and again when the Wi-Fi
// was away. The server decides what is taken; here files are only carried.

const TRIES = 4;
const WAITS_MS = [1000, 3000, 8000];
const PATIENCE_MS = 60000; // without any progress
const AT_ONCE = 2; // of one field: more only slow each other down
const PREVIEW_PIXELS = 320;
const MEGABYTE = 1024 * 1024;

const words = (field, key) => field.dataset[`said${key}`];

function announce(field, text) {
  const status = field.querySelector("[data-media-status]");
  if (status) status.textContent = text;
}

// Whoever saves a draft or counts photos listens for "change".
const changed = (field) => field.dispatchEvent(new Event("change", { bubbles: true }));

// ---- one file on its way ----

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function placeFor(field, file) {
  const bar = element("progress", { max: 1, value: 0 });
  bar.setAttribute("aria-label", words(field, "Sending"));
  const note = element("span", { className: "media-note" }, [bar]);
  const place = element("li", { className: "media-sending" }, [note]);
  const add = field.querySelector("[data-media-add]");
  if (field.dataset.one !== undefined) field.querySelectorAll(".media-item, .media-sending").forEach((old) => old.remove());
  add.before(place);
  preview(place, file);
  return { field, file, place, bar, note, key: crypto.randomUUID?.() ?? randomKey(), tries: 0 };
}

// crypto.randomUUID exists on https and localhost only
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function preview(place, file) {
  if (!file.type.startsWith("image/") || !window.createImageBitmap) return;
  try {
    const bitmap = await createImageBitmap(file, { resizeWidth: PREVIEW_PIXELS });
    const canvas = element("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    canvas.setAttribute("aria-hidden", "true");
    place.prepend(canvas);
    bitmap.close();
  } catch {
    // a format that this browser cannot draw (HEIC): the server can
  }
}

function isTooLarge(field, file) {
  const most = file.type.startsWith("video/") ? field.dataset.videoMaxMb : field.dataset.photoMaxMb;
  return file.size > most * MEGABYTE && most;
}

// The body is the file alone: nothing that the server would have to take apart.
function address(upload) {
  const to = new URL(upload.field.dataset.href, location.href);
  to.searchParams.set("key", upload.key);
  return to;
}

function send(upload) {
  const request = new XMLHttpRequest();
  let patience;
  const wait = () => {
    clearTimeout(patience);
    patience = setTimeout(() => request.abort(), PATIENCE_MS);
  };
  upload.request = request;
  request.open("POST", address(upload));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-Filename", encodeURIComponent(upload.file.name)); // a query would be in the log
  request.setRequestHeader("HX-Request", "true");
  const token = document.querySelector("meta[name=csrf-token]");
  if (token) request.setRequestHeader("X-CSRFToken", token.content);
  request.upload.addEventListener("progress", (event) => {
    wait();
    if (event.lengthComputable) upload.bar.value = event.loaded / event.total;
  });
  request.addEventListener("loadend", () => {
    clearTimeout(patience);
    answered(upload, request);
  });
  wait();
  request.send(upload.file);
}

function answered(upload, request) {
  if (upload.removed) return done(upload);
  if (request.status === 200) return taken(upload, request.responseText);
  if (request.status === 413) return failed(upload, tooLarge(upload.field, upload.file));
  if (request.status >= 400 && request.status < 500 && request.status !== 408 && request.status !== 429) {
    return failed(upload, reasonIn(request.responseText));
  }
  again(upload);
}

// ---- what an answer means ----

function taken(upload, html) {
  const place = new DOMParser().parseFromString(html, "text/html").querySelector("li");
  if (!place) return failed(upload, "");
  upload.place.replaceWith(place);
  window.htmx?.process(place);
  announce(upload.field, words(upload.field, "Done"));
  done(upload);
  changed(upload.field);
}

function reasonIn(html) {
  const note = new DOMParser().parseFromString(html, "text/html").querySelector(".media-note, .notice p, p");
  return note ? note.textContent.trim() : "";
}

function tooLarge(field, file) {
  const most = file.type.startsWith("video/") ? field.dataset.videoMaxMb : field.dataset.photoMaxMb;
  return words(field, "TooLarge").replace("#", most);
}

// The network was away or the server busy: a few tries by itself, then when the network says so, or a person.
function again(upload) {
  upload.tries += 1;
  if (upload.tries >= TRIES) return failed(upload, words(upload.field, "Waiting"), true);
  upload.bar.removeAttribute("value");
  setTimeout(() => send(upload), WAITS_MS[upload.tries - 1]);
}

function failed(upload, reason, canRetry = false) {
  const { field, place, note } = upload;
  place.dataset.state = "failed";
  note.dataset.tone = "danger";
  note.replaceChildren(reason || words(field, "Failed"));
  if (canRetry) note.append(retryButton(upload));
  announce(field, `${upload.file.name}: ${reason || words(field, "Failed")}`);
  if (!place.querySelector("[data-media-remove]")) place.append(removeButton(field));
  changed(field); // what it was to replace is gone
  done(upload);
}

function retryButton(upload) {
  const button = element("button", {
    type: "button", className: "btn btn-secondary", textContent: words(upload.field, "Again"),
  });
  const retry = () => {
    window.removeEventListener("online", retry);
    if (upload.place.dataset.state !== "failed" || !upload.place.isConnected) return;
    restart(upload);
  };
  button.addEventListener("click", retry);
  window.addEventListener("online", retry);
  return button;
}

function restart(upload) {
  upload.tries = 0;
  delete upload.place.dataset.state;
  delete upload.note.dataset.tone;
  upload.bar.value = 0;
  upload.note.replaceChildren(upload.bar);
  upload.place.querySelector("[data-media-remove]")?.remove();
  enqueue(upload);
}

const removeButton = (field) => field.querySelector("[data-media-button]").content.firstElementChild.cloneNode(true);

// ---- the queue of a field ----

const queues = new WeakMap(); // field -> {waiting: [upload], running: Set}

function queueOf(field) {
  if (!queues.has(field)) queues.set(field, { waiting: [], running: new Set() });
  return queues.get(field);
}

function enqueue(upload) {
  queueOf(upload.field).waiting.push(upload);
  next(upload.field);
}

function next(field) {
  const queue = queueOf(field);
  field.toggleAttribute("data-media-busy", queue.waiting.length + queue.running.size > 0);
  while (queue.waiting.length && queue.running.size < AT_ONCE) {
    const upload = queue.waiting.shift();
    if (!upload.place.isConnected) continue;
    queue.running.add(upload);
    send(upload);
  }
  field.toggleAttribute("data-media-busy", queue.running.size > 0);
}

function done(upload) {
  const queue = queueOf(upload.field);
  queue.running.delete(upload);
  next(upload.field);
  if (!queue.running.size && !upload.removed && !upload.place.dataset.state) announce(upload.field, words(upload.field, "AllDone"));
}

// ---- what people do ----

function chosen(field, input) {
  const files = [...input.files];
  input.value = ""; // the same file can be chosen again; a form that is sent does not send it twice
  for (const file of files) {
    const upload = placeFor(field, file);
    if (isTooLarge(field, file)) failed(upload, tooLarge(field, file));
    else enqueue(upload);
  }
}

function removePlace(button) {
  const field = button.closest("[data-media-field]");
  const place = button.closest("li");
  const neighbour = place.nextElementSibling?.querySelector("[data-media-remove], input[type=file]");
  place.remove();
  neighbour?.focus();
  changed(field);
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-media-field] input[type=file]")) return;
  event.stopPropagation(); // what counts is the file that has arrived
  chosen(input.closest("[data-media-field]"), input);
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-media-remove]");
  if (button) removePlace(button);
});

// A form is not sent while its photos are still under way: they would be missing.
document.addEventListener("submit", (event) => {
  const field = event.target.querySelector?.("[data-media-field][data-media-busy]");
  if (!field || event.submitter?.formNoValidate) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  announce(field, words(field, "Busy"));
  field.querySelector(".media-sending")?.scrollIntoView({ block: "center" });
}, true);

// Drops do what a choice does.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    const field = event.target.closest?.("[data-media-field]");
    if (!field || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (name === "drop") chosen(field, { files: event.dataTransfer.files });
  });
}

// What was chosen before this script came is sent now.
function begin(root) {
  root.querySelectorAll("[data-media-field]").forEach((field) => {
    field.setAttribute("data-media-ready", "");
    const early = field.querySelector("input[type=file]");
    if (early?.files.length) chosen(field, early);
  });
}

document.addEventListener("htmx:afterSettle", () => begin(document));
begin(document);
