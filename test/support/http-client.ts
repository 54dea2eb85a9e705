import type { Socket } from "node:net";
import { connectSocket } from "./client.ts";
import { soon } from "./peer.ts";

/** A response as a client without mercy reads it. */
export interface Received {
  readonly status: number;
  /** Names in lower case; values of equal names are joined by a comma and a blank. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Its framing says that nothing is missing; where only the connection's end can say so, that was in order. */
  readonly isComplete: boolean;
  /** Statuses of the interim responses before it. */
  readonly interim: readonly number[];
}

/** One connection of a client that writes bytes as they are, and reads responses with nothing but RFC 9112 in mind. */
export class HttpClient implements Disposable {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #ending: string | undefined;
  #woken = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on("end", () => this.#end("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on("close", () => this.#end("closed by the test"));
  }

  static async connect(port: number): Promise<HttpClient> {
    return new HttpClient(await connectSocket(port));
  }

  write(data: string | Uint8Array): void {
    if (typeof data === "string") this.socket.write(data, "latin1");
    else this.socket.write(data);
  }

  /** The next final response. @param method of its request. @throws when the connection ends before its head. */
  response(method = "GET"): Promise<Received> {
    return soon(this.#response(method), `a response to ${method}`);
  }

  /** How the connection ended for the client: `end`, or the code of the error. */
  ending(): Promise<string> {
    return soon(this.#ended(), "the end of a client's connection");
  }

  /** Bytes that came and belong to no response that was asked for. */
  get surplus(): Buffer {
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  async #ended(): Promise<string> {
    while (this.#ending === undefined) await this.#woken.promise;
    return this.#ending;
  }

  async #response(method: string): Promise<Received> {
    const interim: number[] = [];
    for (;;) {
      const lines = (await this.#head()).split("\r\n");
      const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(lines[0]!)?.[1]);
      if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(lines[0])}`);
      const fields = fieldsOf(lines.slice(1));
      if (status < 200 && status !== 101) interim.push(status);
      else return { status, fields, interim, ...(await this.#body(method, status, fields)) };
    }
  }

  async #head(): Promise<string> {
    const has = (): boolean => this.#bytes.includes("\r\n\r\n");
    if (!(await this.#until(has)))
      throw new Error(`ended with ${this.#ending} after ${JSON.stringify(this.#bytes.toString("latin1"))}`);
    return this.#take(this.#bytes.indexOf("\r\n\r\n") + 4)
      .toString("latin1")
      .slice(0, -4);
  }

  async #body(
    method: string,
    status: number,
    fields: ReadonlyMap<string, string>,
  ): Promise<Pick<Received, "body" | "isComplete">> {
    if (method === "HEAD" || status === 101 || status === 204 || status === 304)
      return { body: Buffer.alloc(0), isComplete: true };
    const length = fields.get("content-length");
    if (fields.get("transfer-encoding") === "chunked") return await this.#chunks();
    if (length === undefined) {
      const ending = await this.#ended();
      return { body: this.#take(this.#bytes.length), isComplete: ending === "end" };
    }
    const isComplete = await this.#until(() => this.#bytes.length >= Number(length));
    return { body: this.#take(Math.min(this.#bytes.length, Number(length))), isComplete };
  }

  async #chunks(): Promise<Pick<Received, "body" | "isComplete">> {
    const parts: Buffer[] = [];
    for (;;) {
      const has = (): boolean => this.#bytes.includes("\r\n");
      if (!(await this.#until(has))) return { body: Buffer.concat(parts), isComplete: false };
      const size = Number.parseInt(this.#take(this.#bytes.indexOf("\r\n") + 2).toString("latin1"), 16);
      if (size === 0) break;
      const isWhole = await this.#until(() => this.#bytes.length >= size + 2);
      parts.push(this.#take(Math.min(size, this.#bytes.length)));
      if (!isWhole) return { body: Buffer.concat(parts), isComplete: false };
      this.#take(2);
    }
    // Trailers are passed over.
    for (;;) {
      const has = (): boolean => this.#bytes.includes("\r\n");
      if (!(await this.#until(has))) return { body: Buffer.concat(parts), isComplete: false };
      if (this.#take(this.#bytes.indexOf("\r\n") + 2).length === 2)
        return { body: Buffer.concat(parts), isComplete: true };
    }
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** @returns false when the connection ends before. */
  async #until(enough: () => boolean): Promise<boolean> {
    while (!enough()) {
      if (this.#ending !== undefined) return false;
      await this.#woken.promise;
    }
    return true;
  }

  #end(ending: string): void {
    this.#ending ??= ending;
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }
}

function fieldsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}
