// The last card, for as many seconds as ?seconds=N says (1 to 60, 6 if it does not).
import { Link } from "./link.js";

const wish = Number(new URLSearchParams(location.search).get("seconds"));
const shown_ms = (wish >= 1 && wish <= 60 ? wish : 6) * 1000;
const [card, picture, name, place] = ["card", "picture", "name", "place"].map((id) => document.getElementById(id));
let last = null, timer = 0;

new Link({
  session({ entries, pictures }) {
    const newest = entries.find((entry) => entry.card);
    const first = last === null;
    if (!newest || newest.entry <= last) return void (last ??= 0);
    last = newest.entry;
    if (!first) show(newest, pictures.includes(newest.entry));
  },
});

function show({ entry, card: printing }, pictured) {
  name.textContent = printing.name;
  place.textContent = [printing.set_name, printing.number].filter(Boolean).join(" · ");
  picture.hidden = !pictured;
  if (pictured) picture.src = `/picture/entry/${entry}`;
  card.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => card.classList.remove("shown"), shown_ms);
}
