// The handover: how many of its photos are there, which a page that is loaded again finds in its address, and the
// signature on glass, whose drawing goes with the form as a picture. Without script a typed name stands for it.

import SignaturePad from "../vendor/signature_pad.min.js";

function fit(canvas, pad, drawn) {
  const ratio = Math.max(window.devicePixelRatio || 1, 1);
  const strokes = pad.toData();
  canvas.width = canvas.offsetWidth * ratio;
  canvas.height = canvas.offsetHeight * ratio;
  canvas.getContext("2d").scale(ratio, ratio);
  pad.clear();
  if (strokes.length) pad.fromData(strokes);
  else if (drawn) pad.fromDataURL(drawn);
}

function begin(canvas) {
  const field = document.getElementById(canvas.dataset.field);
  const pad = new SignaturePad(canvas, { backgroundColor: "rgb(255,255,255)", penColor: "rgb(20,18,16)" });
  const put = (drawing) => {
    field.value = drawing;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  let width = 0;
  const follow = () => {
    if (canvas.offsetWidth === width) return; // a phone's keyboard changes the height only
    width = canvas.offsetWidth;
    fit(canvas, pad, field.value); // what was drawn before and could not be kept yet is shown again
  };
  new ResizeObserver(follow).observe(canvas);
  follow();
  document.querySelector("[data-clear-signature]")?.addEventListener("click", () => {
    pad.clear();
    put("");
  });
  pad.addEventListener("endStroke", () => put(pad.toDataURL("image/png")));
}

function keepInAddress() {
  const address = new URL(location.href);
  address.search = "";
  photos.querySelectorAll(".media-keep input:checked").forEach((kept) => address.searchParams.append(kept.name, kept.value));
  history.replaceState(history.state, "", address);
}

const photos = document.querySelector("[data-count-of]");

photos?.addEventListener("change", () => { // also when a photo has arrived
  const kept = photos.querySelectorAll(".media-keep input:checked").length;
  photos.querySelector("h2 .quiet").textContent = photos.dataset.countOf.replace("#", kept);
  keepInAddress();
});
document.querySelectorAll("canvas[data-field]").forEach(begin);
