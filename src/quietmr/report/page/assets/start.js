// Light or dark, then the pictures.
function startTheme() {
  const button = find("theme");
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (prefers.matches ? "dark" : "light")) === "dark";
  const show = () => {
    button.textContent = isDark() ? "Light page" : "Dark page";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  prefers.addEventListener("change", show);
  show();
}

async function startPictures() {
  const names = Object.keys(page.volumes);
  const read = await Promise.all(names.map(readVolume));
  names.forEach((name, i) => { volumes[name] = read[i]; });
  state.windows.sigma = [0, largestSigma()];
  document.documentElement.classList.add("js");
  find("stage").hidden = false;
  const views = [...document.querySelectorAll(".view")].map((element, i) => new View(element, i));
  views.forEach(listenTo);
  startControls(views);
  onChange(() => {
    views.forEach((view) => view.draw());
    showControls(views);
  });
  change({});
}

// Paper shows everything that can be unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => { details.open = true; }));

startTheme();
// Browsers older than 2023 keep the still pictures.
if ("DecompressionStream" in window && "OffscreenCanvas" in window) await startPictures();
