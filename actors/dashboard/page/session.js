// The list of this session, or the collection: count, entries, search, and correcting one.
import { by, choice, element, picture, place } from "./parts.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SAID_BY = { asked: "answered by you", corrected: "corrected", imported: "imported" };

export class Session {
  constructor(link, { confirmed, undone }) {
    this.link = link;
    this.on = { confirmed, undone };
    this.newest = null;
    this.kept = null;
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

  news({ kept, cards, different, unknown, entries }) {
    if (kept !== this.kept) this.newest = null; // another list: nothing on it has happened just now
    this.kept = kept;
    by("cards").textContent = cards;
    by("cards-unit").textContent = cards === 1 ? "card" : "cards";
    by("other").textContent = [kept && "in this session", different !== cards && `${different} different`, unknown && `${unknown} not in the catalogue`].filter(Boolean).join(" · ");
    by("undo").disabled = !entries.length && !kept;
    by("kept").textContent = kept ? "Kept in the collection" : "Not kept: start it with --sink collection";
    by("kept").title = kept;
    const first = this.newest === null, newest = entries[0]?.entry ?? 0;
    if (!first && newest > this.newest && entries[0].source !== "imported") this.on.confirmed(entries[0], cards);
    const before = this.newest ?? Infinity;
    this.newest = Math.max(this.newest ?? 0, newest);
    if (by("search").value.trim()) return this.search();
    this.show(entries, before);
  }

  search() {
    this.link.say("list", { search: by("search").value });
  }

  found({ search, entries }) {
    if (search === by("search").value) this.show(entries);
  }

  /** The rows of `entries`; those above the number `fresh` slide in. */
  show(entries, fresh = Infinity) {
    this.entries = entries;
    const held = document.activeElement?.dataset.entry;
    const old = new Map([...this.list.children].map((row) => [row.dataset.row, row]));
    this.list.replaceChildren(...entries.map((entry) => {
      const key = JSON.stringify(entry);
      return old.get(key) ?? this.row(entry, key, entry.entry > fresh);
    }));
    if (held) this.list.querySelector(`button[data-entry="${held}"]`)?.focus();
    const nothing = by("nothing");
    nothing.hidden = entries.length > 0;
    nothing.textContent = by("search").value ? "Nothing of that on the list." : "No card yet. Put one under the camera.";
  }

  row(entry, key, fresh) {
    const { card } = entry;
    const about = card ? place(card) : "Choose the card if it is one";
    const today = new Date(entry.time_ms).toDateString() === new Date().toDateString();
    const when = [(today ? clock : day).format(entry.time_ms), SAID_BY[entry.source], entry.said].filter(Boolean).join(" · ");
    const name = (card ? card.name : "Not in the catalogue") + (entry.quantity > 1 ? ` ×${entry.quantity}` : "");
    return element("li", { className: fresh ? "fresh" : "", dataset: { row: key, state: card ? "confirmed" : "unknown" } },
      element("button", { type: "button", title: "Change this card", dataset: { entry: entry.entry }, ariaLabel: `Change ${name}, ${about}` },
        picture("entry", entry.entry, entry.picture),
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
