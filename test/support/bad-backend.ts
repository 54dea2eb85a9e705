import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One connection of a backend that misbehaves. */
export interface BadConnection {
  readonly socket: Socket;
  write(text: string): void;
  /** FIN behind what was written. */
  end(text?: string): void;
  /** RST, once what was written before has left. */
  reset(text?: string): void;
}

/** The fault of a backend; each acts on requests whose path does not end in `/good`. */
export interface Mode {
  /** As soon as it is connected. */
  readonly onConnect?: (connection: BadConnection) => void;
  /** As soon as the first bytes of a request are there. */
  readonly onRequest?: (connection: BadConnection, method: string) => void | Promise<void>;
  /** As soon as a request with its body is there. */
  readonly onWhole?: (connection: BadConnection, method: string) => void | Promise<void>;
}

const head = (fields: string, status = "200 OK"): string => `HTTP/1.1 ${status}\r\n${fields}\r\n`;
const ok = head("content-length: 10\r\n");
const chunked = head("transfer-encoding: chunked\r\n");
const sends = (text: string): Mode => ({ onWhole: (connection) => connection.write(text) });
const ends = (text: string): Mode => ({ onWhole: (connection) => connection.end(text) });
const resets = (text: string): Mode => ({ onWhole: (connection) => connection.reset(text) });
const unlessHead =
  (body: string) =>
  (method: string): string =>
    method === "HEAD" ? "" : body;

/** Every way to be a bad backend, by a name that is a segment of a path. */
export const badModes = {
  "fin-on-connect": { onConnect: (connection) => connection.end() },
  "reset-on-request": { onRequest: (connection) => connection.reset() },
  "fin-on-request": { onRequest: (connection) => connection.end() },
  "reset-on-whole": { onWhole: (connection) => connection.reset() },
  "fin-on-whole": { onWhole: (connection) => connection.end() },
  "reset-in-status": resets("HTTP/1.1 20"),
  "fin-in-status": ends("HTTP/1.1 20"),
  "fin-in-head": ends("HTTP/1.1 200 OK\r\ncontent-le"),
  "reset-in-head": resets("HTTP/1.1 200 OK\r\ncontent-le"),
  "fin-behind-head": ends(ok),
  "reset-behind-head": resets(ok),
  "fin-in-length": ends(`${ok}01234`),
  "reset-in-length": resets(`${ok}01234`),
  "fin-in-chunk": ends(`${chunked}a\r\n01234`),
  "reset-in-chunk": resets(`${chunked}a\r\n01234`),
  "fin-between-chunks": ends(`${chunked}5\r\n01234\r\n`),
  "reset-between-chunks": resets(`${chunked}5\r\n01234\r\n`),
  "fin-in-last-chunk": ends(`${chunked}5\r\n01234\r\n0\r\n`),
  "reset-until-close": resets(`${head("")}01234`),
  "chunk-without-size": sends(`${chunked}5\r\n01234\r\nxyz\r\n`),
  "too-long": sends(`${head("content-length: 5\r\n")}0123456789`),
  "garbage-behind": {
    onWhole: (connection, method) =>
      connection.write(`${head("content-length: 5\r\n")}${unlessHead("01234")(method)}\0\x01garbage\r\n\r\n`),
  },
  "body-behind-204": sends(`${head("", "204 No Content")}01234`),
  "second-answer": {
    onWhole: (connection, method) => {
      const one = `${head("content-length: 5\r\n")}${unlessHead("01234")(method)}`;
      connection.write(one + one);
    },
  },
  "answer-later": {
    onWhole: async (connection, method) => {
      const one = `${head("content-length: 5\r\n")}${unlessHead("01234")(method)}`;
      connection.write(one);
      await sleep(30);
      connection.write(one);
      // Until it is closed, what comes later may be taken for the answer to another request.
      const { socket } = connection;
      if (!socket.destroyed && !socket.readableEnded)
        await Promise.race([once(socket, "end"), once(socket, "close")]);
    },
  },
  "interim-for-ever": {
    onWhole: (connection) => {
      for (let count = 0; count < 100; count++) connection.write(head("", "102 Processing"));
    },
  },
  "head-too-large": sends(head(`x: ${"y".repeat(65_536)}\r\n`)),
  "head-without-end": {
    onWhole: (connection) => connection.write(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`),
  },
  "too-many-fields": sends(head(`${"x: y\r\n".repeat(257)}content-length: 0\r\n`)),
  silent: {},
  "silent-in-body": sends(`${ok}01234`),
  "slow-drip": {
    onWhole: async (connection, method) => {
      for (const byte of `${ok}${unlessHead("0123456789")(method)}`) {
        connection.write(byte);
        await sleep(1);
      }
    },
  },
  "early-answer": {
    onRequest: (connection, method) => connection.write(`${ok}${unlessHead("0123456789")(method)}`),
  },
  "cl-and-te": sends(head("content-length: 5\r\ntransfer-encoding: chunked\r\n")),
  "two-lengths": sends(`${head("content-length: 5\r\ncontent-length: 5\r\n")}01234`),
  "two-codings": sends(head("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n")),
  "unknown-coding": sends(head("transfer-encoding: gzip, chunked\r\n")),
  "length-with-sign": sends(`${head("content-length: +5\r\n")}01234`),
  "bare-lf": sends("HTTP/1.1 200 OK\ncontent-length: 5\n\n01234"),
  "folded-field": sends(`${head("x: y\r\n z\r\ncontent-length: 5\r\n")}01234`),
  "nul-in-value": sends(`${head("x: \0\r\ncontent-length: 5\r\n")}01234`),
  "blank-before-colon": sends(`${head("content-length : 5\r\n")}01234`),
  "not-http": sends("SSH-2.0-OpenSSH_9.2\r\n"),
  "http-2": sends("HTTP/2.0 200 OK\r\n\r\n"),
  "status-of-two-digits": sends("HTTP/1.1 20 OK\r\n\r\n"),
  "unasked-switch": sends(head("upgrade: websocket\r\nconnection: upgrade\r\n", "101 Switching Protocols")),
} as const satisfies Record<string, Mode>;

export type ModeName = keyof typeof badModes;

/** A backend that serves paths which end in `/good`, and all else in its bad way. It knows which requests it has seen. */
export class BadBackend implements AsyncDisposable {
  readonly #server: Server;
  readonly #mode: Mode;
  readonly #sockets = new Set<Socket>();
  readonly #seen = new Map<string, number>();
  readonly #acts = new Set<Promise<void>>();

  private constructor(server: Server, mode: Mode) {
    this.#server = server;
    this.#mode = mode;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(name: ModeName): Promise<BadBackend> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new BadBackend(server, badModes[name]);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often a byte of the request with this path came. */
  seen(path: string): number {
    return this.#seen.get(path) ?? 0;
  }

  /** Resolves when it has nothing more to say. */
  async quiet(): Promise<void> {
    await Promise.all(this.#acts);
  }

  #act(act: void | Promise<void>): void {
    if (!(act instanceof Promise)) return;
    const done = act.finally(() => this.#acts.delete(done));
    this.#acts.add(done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    const connection = badConnection(socket);
    this.#mode.onConnect?.(connection);
    let text = "";
    let isNoted = false;
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const [, method = "", path = ""] = /^(\S+) (\S+) /.exec(text) ?? [];
      const isBad = !path.endsWith("/good");
      if (path !== "" && !isNoted) {
        isNoted = true;
        this.#seen.set(path, this.seen(path) + 1);
        if (isBad) this.#act(this.#mode.onRequest?.(connection, method));
      }
      if (!isWhole(text)) return;
      text = "";
      isNoted = false;
      if (isBad) this.#act(this.#mode.onWhole?.(connection, method));
      else connection.write(`${head("content-length: 4\r\n")}${method === "HEAD" ? "" : "good"}`);
    });
  }
}

/** Bodies come as long as they say; nobody sends a second request before the answer to the first. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = Number(/^content-length: (\d+)\r$/im.exec(text.slice(0, end + 2))?.[1] ?? 0);
  return text.length - end - 4 >= length;
}

function badConnection(socket: Socket): BadConnection {
  const write = (text: string): boolean => !socket.destroyed && socket.write(text, "latin1");
  return {
    socket,
    write,
    end: (text = "") => socket.end(text, "latin1"),
    reset: (text = "") => {
      if (text === "") socket.resetAndDestroy();
      else socket.write(text, "latin1", () => socket.resetAndDestroy());
    },
  };
}
