// Pieces of the page.
export const by = (id) => document.getElementById(id);

export function element(name, { dataset, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const place = (card) => [card.set_name, card.number].filter(Boolean).join(" · ") || card.card_id;

export function picture(kind, number, there) {
  if (!there) return element("span", { className: "thumb", ariaHidden: "true" });
  return element("img", { className: "thumb", src: `/picture/${kind}/${number}`, alt: "", width: 44, height: 62, loading: "lazy" });
}

/** A button that chooses a card; `key` is shown on it. */
export function choice(card, key, chosen) {
  const button = element("button", { className: "choice", type: "button" },
    key ? element("kbd", { textContent: key }) : null,
    element("span", {}, element("strong", { textContent: card.name }), element("small", { textContent: place(card) })));
  button.addEventListener("click", chosen);
  return button;
}
