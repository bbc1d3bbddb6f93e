// Runs before the page is painted, so that it does not flash in the other theme.
const saved = localStorage.getItem("theme");
if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved;
