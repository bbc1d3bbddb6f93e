// The list of this session: count, entries, search, and correcting one.
import { by, choice, element, picture, place } from "./parts.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SAID_BY = { asked: "answered by you", corrected: "corrected" };

export class Session {
  constructor(link, { confirmed, undone }) {
    this.link = link;
    this.on = { confirmed, undone };
    this.newest = null;
    this.fixing = null;
    this.entries = [];
    this.list = by("list");
    by("search").addEventListener("input", () => this.search());
    by("search").addEventListener("keydown", (event) => {
      if (event.key === "Escape") (by("search").value = ""), this.search(), by("search").blur();
    });
    this.list.addEventListener("click", (event) => this.fix(event.target.closest("button[data-entry]")));
    this.list.addEventListener("animationend", (event) => event.target.classList.remove("fresh"));
    this.list.addEventListener("keydown", (event) => this.walk(event));
    by("fix-search").addEventListener("input", () => this.find());
    by("fix").addEventListener("close", () => (this.fixing = null));
  }

  news({ cards, different, unknown, entries, pictures }) {
    by("cards").textContent = cards;
    by("cards-unit").textContent = cards === 1 ? "card" : "cards";
    by("other").textContent = [different !== cards && `${different} different`, unknown && `${unknown} not in the catalogue`].filter(Boolean).join(" · ");
    by("undo").disabled = !entries.length;
    const first = this.newest === null, newest = entries[0]?.entry ?? 0;
    if (!first && newest > this.newest) this.on.confirmed(entries[0], cards);
    const before = this.newest ?? Infinity;
    this.newest = Math.max(this.newest ?? 0, newest);
    if (by("search").value.trim()) return this.search();
    this.show(entries, pictures, before);
  }

  search() {
    this.link.say("list", { search: by("search").value });
  }

  found({ search, entries, pictures }) {
    if (search === by("search").value) this.show(entries, pictures);
  }

  /** The rows of `entries`; those above the number `fresh` slide in. */
  show(entries, pictures, fresh = Infinity) {
    this.entries = entries;
    const held = document.activeElement?.dataset.entry;
    const old = new Map([...this.list.children].map((row) => [row.dataset.row, row]));
    this.list.replaceChildren(...entries.map((entry) => {
      const key = JSON.stringify([entry, pictures.includes(entry.entry)]);
      return old.get(key) ?? this.row(entry, key, pictures.includes(entry.entry), entry.entry > fresh);
    }));
    if (held) this.list.querySelector(`button[data-entry="${held}"]`)?.focus();
    const nothing = by("nothing");
    nothing.hidden = entries.length > 0;
    nothing.textContent = by("search").value ? "Nothing of that in this session." : "No card yet. Put one under the camera.";
  }

  row(entry, key, pictured, fresh) {
    const { card } = entry;
    const about = card ? place(card) : "Choose the card if it is one";
    const when = [clock.format(entry.time_ms), SAID_BY[entry.source]].filter(Boolean).join(" · ");
    const name = card ? card.name : "Not in the catalogue";
    return element("li", { className: fresh ? "fresh" : "", dataset: { row: key, state: card ? "confirmed" : "unknown" } },
      element("button", { type: "button", title: "Change this card", dataset: { entry: entry.entry }, ariaLabel: `Change ${name}, ${about}` },
        picture("entry", entry.entry, pictured),
        element("span", { className: "what" },
          element("strong", { textContent: name }),
          element("span", { textContent: about }),
          element("small", { textContent: when }))));
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.list.querySelectorAll("button")];
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  }

  fix(button) {
    const entry = this.entries.find((one) => String(one.entry) === button?.dataset.entry);
    if (!entry) return;
    this.fixing = entry.entry;
    const others = entry.choices.filter((card) => card.card_id !== entry.card?.card_id);
    by("fix-choices").replaceChildren(...others.map((card) => this.choose(card)));
    by("fix-found").replaceChildren();
    by("fix-search").value = "";
    by("fix").showModal();
  }

  find() {
    const text = by("fix-search").value.trim();
    if (text.length > 1) this.link.say("find", { text });
    else by("fix-found").replaceChildren();
  }

  catalogue({ text, cards }) {
    if (text !== by("fix-search").value.trim()) return;
    const none = element("p", { className: "soft", textContent: "No card of the catalogue has these words." });
    by("fix-found").replaceChildren(...(cards.length ? cards.map((card) => this.choose(card)) : [none]));
  }

  choose(card) {
    return choice(card, "", () => {
      this.link.say("correct", { entry: this.fixing, card_id: card.card_id });
      by("fix").close();
    });
  }
}
