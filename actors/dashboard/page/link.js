// The WebSocket: reconnects by itself, and hands on news by kind and pictures as they are.
const FIRST_WAIT = 500, LONGEST_WAIT = 8000;

export class Link {
  constructor(on) {
    this.on = on;
    this.wait = FIRST_WAIT;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.on.open?.();
    };
    this.socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.on.picture?.(data);
      const news = JSON.parse(data);
      this.on[news.kind]?.(news);
    };
    this.socket.onclose = () => {
      this.on.closed?.();
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    };
  }

  say(wish, content = {}) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ do: wish, ...content }));
  }
}
