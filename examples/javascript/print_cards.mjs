// Prints every card that Sleevesight confirms. It knows docs/bus.md, ZeroMQ and msgpack, and none of our code.
//
//     npm install && node print_cards.mjs                        # a system in the default run directory
//     node print_cards.mjs ipc:///tmp/mine/results               # another one; `sleevesight topics` names its endpoints

import { tmpdir, userInfo } from "node:os";
import { decode } from "@msgpack/msgpack";
import { Subscriber } from "zeromq";

const VERSION = 1; // the version of docs/bus.md that this sink was written for

function defaultEndpoint() {
  const runtime = process.env.XDG_RUNTIME_DIR;
  const folder = runtime ? `${runtime}/sleevesight` : `${tmpdir()}/sleevesight-${userInfo().uid}`;
  return `ipc://${folder}/results`;
}

const socket = new Subscriber();
socket.connect(process.argv[2] ?? defaultEndpoint());
socket.subscribe("results");
process.on("SIGINT", () => socket.close());

// Times are 64 bits wide, more than a number of JavaScript holds: they come as BigInt.
for await (const [, header] of socket) {
  const message = decode(header, { useBigInt64: true });
  if (message.v > VERSION || message.type !== "results") continue; // newer than we can read, or a goodbye ("bye")
  for (const visit of message.visits) { // one for each physical presence of a card: it begins once, and ends once
    if (visit.event !== "confirmed") continue;
    console.log(`${visit.name}  ${visit.set_name ?? ""} ${visit.number ?? ""}  ${visit.card_id}`);
  }
}
