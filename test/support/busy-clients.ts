import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { HttpClient } from "./http-client.ts";
import { outcomeOf } from "./http2-outcome.ts";
import { becomes } from "./settled.ts";

/** The kinds of clients, and the listener that each of them visits. */
const listenerOf = {
  plain: "plain",
  tls: "secure",
  http: "web",
  kept: "web",
  http2: "web2",
} as const;
type Kind = keyof typeof listenerOf;
const kinds = Object.keys(listenerOf) as Kind[];

/** Before a client connects again, in milliseconds: otherwise they would keep both cores busy, and find no more. */
const pause = 5;

/** Clients that never pause on a connection, and never try anything twice, so that each fault of the other side is seen. */
export class BusyClients {
  /** The faults, each with its kind. */
  readonly faults: string[] = [];
  /** Sessions and requests that were served, by kind. */
  readonly served: Record<Kind, number> = { plain: 0, tls: 0, http: 0, kept: 0, http2: 0 };
  /** Connections that `kept` and `http2` have used up, because the other side said that it would end them. */
  readonly left: Record<"kept" | "http2", number> = { kept: 0, http2: 0 };
  readonly #ports: (listener: string) => number;
  readonly #lanes: readonly Promise<void>[];
  #stopped = false;

  /** @param each how many clients of each kind there are. */
  constructor(ports: { port(listener: string): number }, each: number) {
    this.#ports = (listener) => ports.port(listener);
    this.#lanes = kinds.flatMap((kind) => Array.from({ length: each }, () => this.#lane(kind)));
  }

  /** Waits until each kind was served so many times more. */
  async goOn(times: number): Promise<void> {
    const before = { ...this.served };
    const fewest = (): number => Math.min(...kinds.map((kind) => this.served[kind] - before[kind]));
    await becomes(fewest, (count) => count >= times, `${times} more of each kind`, 30_000);
  }

  /** Has them end after what they are at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  async #lane(kind: Kind): Promise<void> {
    const port = this.#ports(listenerOf[kind]);
    while (!this.#stopped)
      try {
        await this.#connection(kind, port);
        await sleep(pause);
      } catch (error) {
        this.faults.push(`${kind}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
      }
  }

  async #connection(kind: Kind, port: number): Promise<void> {
    if (kind === "http" || kind === "kept") await this.#http1(kind, port);
    else if (kind === "http2") await this.#http2(port);
    else {
      await echo(kind, port);
      this.served[kind]++;
    }
  }

  async #http1(kind: "http" | "kept", port: number): Promise<void> {
    const close = kind === "http" ? "connection: close\r\n" : "";
    using client = new HttpClient(await connected(connect({ port, host: "127.0.0.1", noDelay: true })));
    while (!this.#stopped) {
      client.write(`GET / HTTP/1.1\r\nhost: a.example\r\n${close}\r\n`);
      const { status, isComplete, fields } = await client.response();
      if (status !== 200 || !isComplete) throw new Error(`status ${status}, complete: ${isComplete}`);
      this.served[kind]++;
      if (fields.get("connection") === "close") break;
    }
    if (kind === "kept" && !this.#stopped) this.left.kept++;
  }

  /** Requests follow each other, until the other side says that it takes no more of them on this connection. */
  async #http2(port: number): Promise<void> {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    let mayEnd = false;
    session
      .on("error", () => {})
      .on("goaway", () => {
        mayEnd = true;
      });
    try {
      await once(session, "connect");
      while (!this.#stopped && !session.closed) await this.#http2Request(session);
      if (this.#stopped) return;
      if (!mayEnd) throw new Error("it ended without GOAWAY");
      this.left.http2++;
    } finally {
      session.close();
    }
  }

  async #http2Request(session: ClientHttp2Session): Promise<void> {
    const { status, isWhole, code } = await outcomeOf(session.request({ ":path": "/" }));
    if (status !== 200 || !isWhole) throw new Error(`status ${status}, whole: ${isWhole}, code ${code}`);
    this.served.http2++;
  }
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket;
}

/** One connection, one echo, one orderly end. @throws when it is another one. */
async function echo(kind: "plain" | "tls", port: number): Promise<void> {
  const options = { port, host: "127.0.0.1", noDelay: true };
  const socket = kind === "tls" ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options);
  socket.end("hello");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(socket, "close");
  if (text !== "hello") throw new Error(`got "${text}"`);
}
