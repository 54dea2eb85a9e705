import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** How many answers had which status. */
export type Statuses = ReadonlyMap<number, number>;

const statusLine = /HTTP\/1\.1 (\d{3}) /g;
/** One character less than a status line begins with: more of it would be counted twice. */
const longestPart = "HTTP/1.1 200 ".length - 1;

/** Requests that a connection sends at once, and then waits for. */
const batch = 64;

/** A client that is as cheap as a client can be: it sends requests in batches, and looks at nothing but statuses. */
export class Pipelined implements Disposable {
  readonly #sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
  }

  static async connect(port: number, connections: number): Promise<Pipelined> {
    const sockets = Array.from({ length: connections }, () => connect(port, "127.0.0.1"));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return new Pipelined(sockets);
  }

  /**
   * Makes requests over all connections. @param lineOf the field of a request, by its number.
   * @throws where a connection ends.
   */
  async ask(requests: number, lineOf: (index: number) => string): Promise<Statuses> {
    const statuses = new Map<number, number>();
    let next = 0;
    const work = async (socket: Socket): Promise<void> => {
      while (next < requests) {
        const [first, end] = [next, Math.min(next + batch, requests)];
        next = end;
        let text = "";
        for (let index = first; index < end; index++)
          text += `GET / HTTP/1.1\r\nhost: a.example\r\n${lineOf(index)}\r\n\r\n`;
        socket.write(text, "latin1");
        await countStatuses(socket, end - first, statuses);
      }
    };
    await Promise.all(this.#sockets.map(work));
    return statuses;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Reads so many answers. */
function countStatuses(socket: Socket, answers: number, statuses: Map<number, number>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let left = answers;
  let rest = "";
  const take = (chunk: Buffer): void => {
    rest += chunk.toString("latin1");
    for (const [, status] of rest.matchAll(statusLine)) {
      statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1);
      left--;
    }
    rest = rest.slice(-longestPart);
    if (left > 0) return;
    stop();
    resolve();
  };
  const end = (): void => {
    stop();
    reject(new Error(`a connection ended, ${left} answers before its last one`));
  };
  const stop = (): void => void socket.off("data", take).off("close", end);
  socket.on("data", take).on("close", end);
  return promise;
}
