// The live view: a picture and the outlines of its very frame, drawn in one go.
const GLYPH = { confirmed: "✓", asked: "?", unknown: "∅", reading: "…" };
const TEXT = { asked: "Which one?", unknown: "Not in the catalogue", reading: "Reading" };
const decoder = new TextDecoder();

export class Live {
  constructor(canvas, empty) {
    this.canvas = canvas;
    this.empty = empty;
    this.context = canvas.getContext("2d");
    this.drawing = null;
    this.picture = null;
    this.next = null;
    this.busy = false;
    this.count = 0;
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  /** Decode the newest message; those that come meanwhile replace each other. */
  async show(message) {
    this.next = message;
    if (this.busy) return;
    this.busy = true;
    while (this.next) {
      const bytes = this.next;
      this.next = null;
      const length = new DataView(bytes).getUint32(0, true);
      const drawing = JSON.parse(decoder.decode(new Uint8Array(bytes, 4, length)));
      const jpeg = new Uint8Array(bytes, 4 + length);
      try {
        const picture = jpeg.length ? await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })) : null;
        this.picture?.close();
        [this.drawing, this.picture] = [drawing, picture];
        this.canvas.dataset.pictures = ++this.count;
        this.draw();
      } catch (error) {
        console.warn("a picture could not be decoded", error);
      }
    }
    this.busy = false;
  }

  draw() {
    if (!this.drawing) return;
    const { width, height, cards } = this.drawing;
    const box = this.canvas.parentElement.getBoundingClientRect();
    const scale = Math.min(box.width / width, box.height / height);
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) {
      [this.canvas.width, this.canvas.height] = [Math.round(w * ratio), Math.round(h * ratio)];
      [this.canvas.style.width, this.canvas.style.height] = [`${w}px`, `${h}px`];
    }
    this.empty.hidden = true;
    const c = this.context;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = "#11151a";
    c.fillRect(0, 0, w, h);
    if (this.picture) c.drawImage(this.picture, 0, 0, w, h);
    const style = getComputedStyle(document.documentElement);
    const colours = Object.fromEntries(Object.keys(GLYPH).map((s) => [s, style.getPropertyValue(`--mark-${s}`)]));
    // The centre of the top-left pixel is (0, 0).
    const placed = cards.map((card) => ({ ...card, quad: card.quad.map(([x, y]) => [(x + .5) * scale, (y + .5) * scale]) }));
    for (const card of placed) this.outline(card, colours[card.state]);
    const plates = [];
    for (const card of placed) this.label(card, colours[card.state], w, h, plates);
    this.describe(cards);
  }

  outline({ quad, state }, colour) {
    const c = this.context;
    c.lineJoin = "round";
    for (const [stroke, line] of [["rgb(0 0 0 / .45)", 6], [colour, 3]]) {
      c.beginPath();
      quad.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
      c.closePath();
      c.setLineDash(state === "confirmed" ? [] : state === "unknown" ? [3, 7] : [10, 7]);
      c.lineCap = "round";
      c.strokeStyle = stroke;
      c.lineWidth = line;
      c.stroke();
    }
    c.setLineDash([]);
  }

  label(card, colour, w, h, plates) {
    const c = this.context;
    const size = Math.max(13, Math.min(19, w / 44));
    const tall = size * 1.75;
    const glyph = size * 1.35;
    c.font = `650 ${size}px system-ui, sans-serif`;
    c.textBaseline = "middle";
    const text = card.name || TEXT[card.state] || "";
    const bars = card.state === "confirmed" || card.state === "asked" ? size * 1.75 : 0;
    const wide = Math.min(w - 8, glyph + c.measureText(text).width + bars + size * 1.1);
    const xs = card.quad.map((p) => p[0]), ys = card.quad.map((p) => p[1]);
    const [middle, centre] = [xs, ys].map((all) => (Math.min(...all) + Math.max(...all)) / 2);
    if (middle < 0 || middle > w || centre < 0 || centre > h) return; // on its way out
    const x = Math.max(4, Math.min(w - wide - 4, middle - wide / 2));
    let y = Math.max(4, Math.min(h - tall - 4, Math.min(...ys) - tall - 5));
    for (const p of plates) if (x < p.x + p.w && p.x < x + wide && y < p.y + tall && p.y < y + tall) y = Math.min(h - tall - 4, p.y + tall + 3);
    plates.push({ x, y, w: wide });
    c.fillStyle = "rgb(13 17 22 / .86)";
    c.beginPath();
    c.roundRect(x, y, wide, tall, tall / 2);
    c.fill();
    c.fillStyle = colour;
    c.textAlign = "center";
    c.fillText(GLYPH[card.state], x + glyph * .75, y + tall / 2 + .5);
    c.fillStyle = "#fff";
    c.textAlign = "left";
    c.fillText(text, x + glyph * 1.3, y + tall / 2 + .5, wide - glyph - bars - size * .6);
    if (bars) this.bars(card.band, colour, x + wide - size * 1.75, y + tall / 2, size);
  }

  /** How near the picture is to the catalogue's: three bars are excellent. */
  bars(band, colour, x, y, size) {
    const c = this.context;
    for (let i = 0; i < 3; i++) {
      const tall = size * (.42 + .24 * i);
      c.fillStyle = i < band ? colour : "rgb(255 255 255 / .28)";
      c.beginPath();
      c.roundRect(x + i * size * .42, y + size * .45 - tall, size * .28, tall, 1.5);
      c.fill();
    }
  }

  describe(cards) {
    const names = cards.map((card) => card.name || TEXT[card.state] || "");
    const text = names.length ? `Live picture: ${names.join(", ")}` : "Live picture, no card in it";
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }
}
