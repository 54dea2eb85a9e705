import type { Socket } from "node:net";
import { resetSocket } from "../../src/data/sockets/reset.ts";
import { patient } from "./patience.ts";

/** How what a peer receives came to its end: in order, or with the system's or OpenSSL's code. */
export type Ending = "end" | (string & {});

const patienceMs = 10_000;

/** @throws when it takes longer than ten seconds, or what those are on this machine. @param ms as on a quiet machine. */
export async function soon<T>(promise: Promise<T>, what: string, ms = patienceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const longest = patient(ms);
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${longest} ms`)), longest);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One end of a connection, in a test's hands: what came, and how it ended. */
export class Peer implements Disposable {
  /** The socket that is written to and read from: that of TLS where there is TLS. */
  readonly socket: Socket;
  /** The TCP connection underneath. */
  readonly raw: Socket;
  /** Its own port. */
  readonly port: number;
  /** When it was there, in milliseconds since 1970. */
  readonly born: number = Date.now();
  /** Bytes that came so far. */
  received = 0;
  /** False: what comes is counted and forgotten. */
  keep = true;
  #ending: Ending | undefined;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #woken = Promise.withResolvers<void>();

  constructor(socket: Socket, raw: Socket = socket) {
    this.socket = socket;
    this.raw = raw;
    this.port = raw.localPort!;
    raw.on("error", () => {});
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on("end", () => this.#end("end"));
    socket.on("close", () => this.#end("closed by the test"));
    socket.on("data", (chunk) => {
      this.received += chunk.length;
      if (this.keep) {
        this.#kept.push(chunk);
        this.#keptBytes += chunk.length;
      }
      this.#wake();
    });
  }

  /** Takes the next bytes. @throws when fewer come. */
  async read(bytes: number): Promise<Buffer> {
    await this.#until(() => this.#keptBytes >= bytes, `${bytes} bytes`);
    const all = Buffer.concat(this.#kept);
    this.#kept = [all.subarray(bytes)];
    this.#keptBytes = all.length - bytes;
    return all.subarray(0, bytes);
  }

  /** Takes what is left once it has ended. @throws when it does not end in order. */
  async readToEnd(): Promise<Buffer> {
    const ending = await this.ending();
    if (ending !== "end") throw new Error(`ended with ${ending} after ${this.received} bytes`);
    return Buffer.concat(this.#kept);
  }

  async receivedAtLeast(bytes: number): Promise<void> {
    await this.#until(() => this.received >= bytes, `${bytes} bytes`);
  }

  ending(ms: number = patienceMs): Promise<Ending> {
    return soon(this.#ended(), "the end of a connection", ms);
  }

  /** Resolves when the bytes have been handed to the system. */
  async write(data: string | Uint8Array, ms: number = patienceMs): Promise<void> {
    if (this.#ending !== undefined && this.socket.destroyed)
      throw new Error(`ended with ${this.#ending} before a write, after ${this.received} bytes`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.write(data, (error) => (error ? reject(error) : resolve()));
    await soon(promise, "a write", ms);
  }

  end(data: string | Uint8Array = ""): void {
    this.socket.end(data);
  }

  /** Ends the connection with RST, unless its end is on its way: libuv refuses that, and Node loses the handle. */
  reset(): void {
    resetSocket(this.raw, "tcp", this.socket);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  async #ended(): Promise<Ending> {
    while (this.#ending === undefined) await this.#woken.promise;
    return this.#ending;
  }

  async #until(enough: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!enough()) {
        if (this.#ending !== undefined)
          throw new Error(`ended with ${this.#ending} after ${this.received} bytes instead of ${what}`);
        await this.#woken.promise;
      }
    };
    await soon(wait(), `${what} (${this.received} came)`);
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }
}
