import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A request that a backend got, byte for byte. */
export interface SeenRequest {
  readonly path: string;
  /** The head as it came, with the empty line. */
  readonly head: string;
  /** As it came: in chunks, where it was sent so. */
  readonly body: string;
}

/** Answers in place of the echo; the connection is the backend's own. */
export type RawAnswer = (socket: Socket, request: SeenRequest) => void;

/**
 * A backend that reads nothing into what it gets: it answers a whole request with the bytes of its head, or as it was
 * told to for a path.
 */
export class EchoingBackend implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** Paths of which a byte came, whether the request was whole or not. */
  readonly begun = new Set<string>();
  /** Connections so far. */
  connections = 0;
  readonly #server: Server;
  readonly #answers = new Map<string, RawAnswer>();
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(): Promise<EchoingBackend> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new EchoingBackend(server);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param answer bytes, or what to do. */
  answer(path: string, answer: string | RawAnswer): void {
    this.#answers.set(path, typeof answer === "string" ? (socket) => socket.write(answer, "latin1") : answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end + 4);
        const path = head.split(" ", 2)[1]!;
        this.begun.add(path);
        const length = lengthOf(head, text.slice(head.length));
        if (length === undefined) return;
        const request = { path, head, body: text.slice(head.length, head.length + length) };
        text = text.slice(head.length + length);
        this.seen.push(request);
        const answer = this.#answers.get(path.split("?", 1)[0]!);
        if (answer !== undefined) answer(socket, request);
        else socket.write(echoOf(head), "latin1");
      }
    });
  }
}

/** Of a body, of which `rest` came so far; undefined: it is not whole. */
function lengthOf(head: string, rest: string): number | undefined {
  const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
  if (!/^transfer-encoding: chunked\r$/im.test(head)) return rest.length >= length ? length : undefined;
  const end = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
  return end === null ? undefined : end.index + end[0].length;
}

function echoOf(head: string): string {
  const body = head.startsWith("HEAD ") ? "" : head;
  return `HTTP/1.1 200 OK\r\ncontent-length: ${head.length}\r\n\r\n${body}`;
}
