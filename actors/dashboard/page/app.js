// The page: joins the link, the live view, the questions, the session and the keys.
import { Link } from "./link.js";
import { Live } from "./live.js";
import { by, choice, element, picture } from "./parts.js";
import { Session } from "./session.js";
import { chime, toggle } from "./sound.js";

const STATE = { live: "Live", waiting: "Waiting", connecting: "Connecting", closed: "Reconnecting" };
const live = new Live(by("live"), by("empty"));
let asked = [];

const link = new Link({
  open: watch,
  closed: () => state("closed"),
  picture: (bytes) => live.show(bytes),
  session: (news) => session.news(news),
  list: (news) => session.found(news),
  found: (news) => session.catalogue(news),
  questions: (news) => ask(news.questions),
  health: (news) => health(news.health),
  note: (news) => note(news.text),
});
const session = new Session(link, { confirmed });

function watch() {
  link.say("watch", { on: !document.hidden });
}
document.addEventListener("visibilitychange", watch);

function state(name) {
  by("state").dataset.state = name;
  by("state").textContent = STATE[name];
}

function confirmed({ card }, count) {
  by("live-region").textContent = card ? `${card.name}, card ${count}` : "Not in the catalogue";
  if (card) chime();
}

let noted = 0;
function note(text) {
  by("note").textContent = text;
  clearTimeout(noted);
  noted = setTimeout(() => (by("note").textContent = ""), 5000);
}

// Which one is it?

function ask(questions) {
  const begun = questions.length && !asked.some((one) => one.question === questions[0].question);
  asked = questions;
  const panel = by("questions");
  panel.hidden = !questions.length;
  if (!questions.length) return panel.replaceChildren();
  if (!begun && panel.dataset.first === `${questions[0].question} ${questions.length}`) return;
  panel.dataset.first = `${questions[0].question} ${questions.length}`;
  const { question, choices, picture: pictured } = questions[0];
  const none = element("button", { className: "none", type: "button" }, element("kbd", { textContent: "0" }), " None of these");
  none.addEventListener("click", () => answer(null));
  const drop = element("button", { className: "drop", type: "button", title: "It is no card (X)", ariaLabel: "It is no card: drop the question", textContent: "✕" });
  drop.addEventListener("click", dismiss);
  panel.replaceChildren(
    element("h2", {}, "Which one is it?", questions.length > 1 ? element("span", { className: "pill", textContent: `${questions.length} open` }) : null, drop),
    element("div", { className: "asked" }, picture("question", question, pictured),
      element("div", { className: "choices" }, ...choices.map((card, i) => choice(card, String(i + 1), () => answer(card.card_id))), none)));
  if (begun) by("live-region").textContent = `Which one is it? ${choices.map((card, i) => `${i + 1}: ${card.name}`).join(", ")}`;
}

function answer(card_id) {
  if (asked.length) link.say("answer", { question: asked[0].question, card_id });
}

function dismiss() {
  if (asked.length) link.say("dismiss", { question: asked[0].question });
}

// Gauges and processes

function health({ state: now, fps, p50_ms, p95_ms, lost, processes }) {
  state(now);
  by("latency").textContent = p50_ms === null ? "–" : `${Math.round(p50_ms)} ms`;
  by("latency").title = p95_ms === null ? "" : `95 % within ${Math.round(p95_ms)} ms`;
  by("fps").textContent = now === "live" ? `${Math.round(fps)}/s` : "–";
  by("lost").textContent = lost;
  by("lost").parentElement.dataset.bad = lost > 0;
  by("processes").replaceChildren(...processes.map((one) => element("li", { dataset: { state: one.state }, title: `${one.detail} (${one.rss_mb} MB)` },
    element("strong", { textContent: one.name }),
    element("span", { textContent: one.state === "ready" ? `${one.p95_ms} ms` : one.state }))));
  const drops = processes.flatMap(({ name, drops: all }) => Object.entries(all).map(([why, n]) => `${name} ${why} ${n}`));
  by("drops").textContent = drops.length ? `Dropped since the start: ${drops.join(", ")}` : "";
}

// Keys and buttons

async function sound() {
  const on = await toggle();
  by("sound").setAttribute("aria-pressed", String(on));
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  live.draw();
}

const undo = () => link.say("undo");
const help = () => by("keys").showModal();
by("sound").addEventListener("click", sound);
by("theme").addEventListener("click", theme);
by("help").addEventListener("click", help);
by("undo").addEventListener("click", undo);

const KEYS = { u: undo, m: sound, d: theme, "?": help, x: dismiss, 0: () => answer(null), "/": () => by("search").focus() };

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || document.querySelector("dialog[open]") || event.altKey) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key !== "z") return;
  const choices = asked[0]?.choices ?? [];
  const act = event.ctrlKey || event.metaKey ? undo : (choices[Number(key) - 1] && (() => answer(choices[Number(key) - 1].card_id))) || KEYS[key];
  if (!act) return;
  event.preventDefault();
  act();
});
