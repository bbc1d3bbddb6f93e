// The last card, for as many seconds as ?seconds=N says (1 to 60, 6 if it does not).
import { Link } from "./link.js";

const wish = Number(new URLSearchParams(location.search).get("seconds"));
const shown_ms = (wish >= 1 && wish <= 60 ? wish : 6) * 1000;
const [card, picture, name, place] = ["card", "picture", "name", "place"].map((id) => document.getElementById(id));
let last = null, list = null, timer = 0;

new Link({
  session({ kept, entries }) {
    const newest = entries.find((entry) => entry.card && entry.source !== "imported");
    const first = kept !== list; // what was there before is no news
    list = kept;
    if (first) return void (last = newest?.entry ?? 0);
    if (!newest || newest.entry <= last) return;
    last = newest.entry;
    show(newest);
  },
});

function show({ entry, card: printing, picture: pictured }) {
  name.textContent = printing.name;
  place.textContent = [printing.set_name, printing.number].filter(Boolean).join(" · ");
  picture.hidden = !pictured;
  if (pictured) picture.src = `/picture/entry/${entry}`;
  card.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => card.classList.remove("shown"), shown_ms);
}
