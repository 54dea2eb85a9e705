import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../../src/lib/listen.ts";

/** `brief`: each connection ends after a moment. */
export type WireMode = "open" | "closed" | "brief" | "slow";

const briefMs = 300;
/** Bytes of an answer, and how often, in milliseconds. */
const slow = { bytes: 16_384, every: 100 } as const;

/** A connection to the API server that can be cut, slow or dead. */
export class Wire implements AsyncDisposable {
  /** How many connections have come. */
  connections = 0;
  #mode: WireMode = "open";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #to: number;

  static async start(port: number, to: number): Promise<Wire> {
    const wire = new Wire(to);
    await listen(wire.#server, { kind: "tcp", host: "127.0.0.1", port });
    return wire;
  }

  private constructor(to: number) {
    this.#to = to;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Of new connections; `closed` ends the others, too. */
  set mode(mode: WireMode) {
    this.#mode = mode;
    if (mode === "closed") for (const socket of this.#sockets) socket.destroy();
  }

  /** Connections that there are now carry nothing any more, and do not end. */
  deaden(): void {
    for (const socket of this.#sockets) socket.removeAllListeners("data").pause();
  }

  #join(client: Socket): void {
    this.connections++;
    const mode = this.#mode;
    client.on("error", () => {});
    if (mode === "closed") {
      client.destroy();
      return;
    }
    const server = connect(this.#to, "127.0.0.1");
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => server.write(chunk));
    server.on("data", (chunk: Buffer) => {
      if (mode === "slow") void trickle(chunk, server, client);
      else client.write(chunk);
    });
    if (mode === "brief") setTimeout(() => client.destroy(), briefMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

async function trickle(chunk: Buffer, from: Socket, to: Socket): Promise<void> {
  from.pause();
  for (let at = 0; at < chunk.length && !to.destroyed; at += slow.bytes) {
    to.write(chunk.subarray(at, at + slow.bytes));
    await sleep(slow.every);
  }
  from.resume();
}
