// A photo looked at closely: going back closes it, "Nah heran" begins in the middle. It opens without script too.

const zoomIsHere = (photo) => history.state?.zoom === photo.id;

document.addEventListener("beforetoggle", (event) => { // not "toggle", which comes after who goes back at once
  if (!event.target.matches(".photo-zoom") || event.newState !== "open" || zoomIsHere(event.target)) return;
  history.pushState({ zoom: event.target.id }, "");
}, true);

document.addEventListener("toggle", (event) => {
  if (event.target.matches(".photo-zoom") && event.newState === "closed" && zoomIsHere(event.target)) history.back();
}, true);

window.addEventListener("popstate", () => document.querySelector(".photo-zoom:popover-open")?.hidePopover());

document.addEventListener("change", (event) => {
  const stage = event.target.matches(".zoom-toggle") && event.target.closest(".photo-zoom").querySelector(".photo-zoom-stage");
  if (stage) stage.scrollTo((stage.scrollWidth - stage.clientWidth) / 2, (stage.scrollHeight - stage.clientHeight) / 2);
});
