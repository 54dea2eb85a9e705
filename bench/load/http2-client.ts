import { type ClientHttp2Session, connect } from "node:http2";
import type { Asking } from "./asking.ts";
import type { Aim } from "./load.ts";

/** Connections of HTTP/2, each for as many clients as there are streams at a time. */
export class Http2Connection {
  readonly #aim: Aim;
  #session: ClientHttp2Session | undefined;

  constructor(aim: Aim) {
    this.#aim = aim;
  }

  get open(): boolean {
    return this.#session?.closed === false;
  }

  /** Calls back once, with what went wrong, if anything did. */
  ask(path: string, done: (error: string | undefined) => void): void {
    const expected = this.#aim.load.responseBytes;
    let [received, status, error] = [0, 0, undefined as string | undefined];
    const stream = this.#connected().request({ ":path": path });
    stream.on("response", (head) => (status = head[":status"] ?? 0));
    stream.on("data", (chunk: Buffer) => (received += chunk.length));
    stream.on("error", ({ message }) => (error = message));
    stream.on("close", () => {
      if (status !== 200) error ??= `answered ${status}`;
      else if (received !== expected) error ??= `a body of ${received} bytes, not ${expected}`;
      done(error);
    });
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== undefined) return this.#session;
    const { port, cipher } = this.#aim;
    const options = { rejectUnauthorized: false, ciphers: cipher, ecdhCurve: "X25519" };
    const session = connect(`https://127.0.0.1:${port}`, options);
    // Each of its streams has the error, too.
    session.on("error", () => {});
    this.#session = session;
    return session;
  }
}

/** Asks over HTTP/2, one request at a time, on a connection that it shares. */
export class Http2Client implements Asking {
  readonly #connection: Http2Connection;
  readonly #path: string;
  #isBusy = false;

  constructor(connection: Http2Connection, path: string) {
    this.#connection = connection;
    this.#path = path;
  }

  get busy(): boolean {
    return this.#isBusy;
  }

  get connected(): boolean {
    return this.#connection.open;
  }

  ask(done: (error: string | undefined) => void): void {
    this.#isBusy = true;
    this.#connection.ask(this.#path, (error) => {
      this.#isBusy = false;
      done(error);
    });
  }
}
