// With a script, a browser of slices shows one at a time, by a slider; without, all stay in a strip that scrolls.
for (const viewer of document.querySelectorAll(".slices")) {
  const film = viewer.querySelector(".film");
  const slices = [...film.children];
  const slider = viewer.querySelector("input[type=range]");
  const show = () => {
    slices.forEach((slice, place) => { slice.hidden = place !== Number(slider.value); });
    const caption = slices[slider.value].querySelector("figcaption").textContent.trim();
    slider.setAttribute("aria-valuetext", caption);
  };
  film.removeAttribute("tabindex");
  viewer.classList.add("stepped");
  viewer.querySelector(".slider").hidden = false;
  slider.addEventListener("input", show);
  show();
}
