import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { unescape as decodePercents } from "node:querystring";
import type { Duplex } from "node:stream";
import { http2 } from "../../lib/node-modules.ts";

/** The largest message that is taken from a control plane, in bytes. */
const largest = 64 * 1024 * 1024;
/** Time between two signs of life, and for an answer to the connection, in milliseconds. */
const keepAlive = 30_000;
const patience = 10_000;

/** Is told what a stream brings. `ended` comes once, and is the last. */
export interface StreamListener {
  opened(): void;
  message(bytes: Buffer): void;
  ended(reason: string): void;
}

/** One call of gRPC with streams both ways, over HTTP/2: messages of five bytes of header and their content. */
export class GrpcStream {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #listener: StreamListener;
  readonly #pulse: NodeJS.Timeout;
  readonly #hurry: NodeJS.Timeout;
  #bytes: Buffer = Buffer.alloc(0);
  #over = false;

  /** @param dial makes the connection. @param authority of the control plane. @param path of the method. */
  constructor(dial: () => Duplex, authority: string, path: string, listener: StreamListener) {
    this.#listener = listener;
    this.#session = http2().connect(`http://${authority}`, { createConnection: dial });
    this.#session.on("error", (error) => this.#end(error.message));
    this.#session.on("close", () => this.#end("the connection was closed"));
    this.#session.on("connect", () => {
      clearTimeout(this.#hurry);
      if (!this.#over) listener.opened();
    });
    this.#hurry = setTimeout(() => this.#end(`no connection within ${patience / 1000} s`), patience);
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    this.#stream.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#stream.on("response", (head) => {
      if (head[":status"] !== 200) this.#end(`it answered with status ${head[":status"]}`);
      else if (head["grpc-status"] !== undefined) this.#endBy(head);
    });
    this.#stream.on("trailers", (trailers) => this.#endBy(trailers));
    this.#stream.on("error", (error) => this.#end(error.message));
    this.#stream.on("close", () => this.#end("the stream was closed"));
    this.#pulse = setInterval(() => this.#ping(), keepAlive).unref();
  }

  send(message: Uint8Array): void {
    if (this.#over) return;
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    this.#stream.write(frame);
  }

  /** Nothing more is told. */
  close(): void {
    this.#over = true;
    this.#release();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5 && !this.#over) {
      const length = this.#bytes.readUInt32BE(1);
      const fault = faultOf(this.#bytes[0]!, length);
      if (fault !== undefined) this.#end(fault);
      if (fault !== undefined || this.#bytes.length < 5 + length) return;
      const message = this.#bytes.subarray(5, 5 + length);
      this.#bytes = this.#bytes.subarray(5 + length);
      this.#listener.message(message);
    }
  }

  #ping(): void {
    const late = setTimeout(() => this.#end("it does not answer pings"), patience);
    const sent = !this.#session.destroyed && this.#session.ping(() => clearTimeout(late));
    if (!sent) clearTimeout(late);
  }

  #endBy(fields: Readonly<Record<string, unknown>>): void {
    // Takes whatever comes, bytes that are not UTF-8 too.
    const message = decodePercents(String(fields["grpc-message"] ?? ""));
    this.#end(`it ended the stream with gRPC status ${fields["grpc-status"] ?? "?"} ${message}`.trim());
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#listener.ended(reason);
  }

  #release(): void {
    clearInterval(this.#pulse);
    clearTimeout(this.#hurry);
    this.#session.destroy();
  }
}

/** Why a message can't be taken, by its header; undefined: it can. */
function faultOf(flag: number, length: number): string | undefined {
  if (flag !== 0) return "it sent a compressed message, which was not agreed on";
  return length > largest
    ? `it sent a message of ${length} bytes, where at most ${largest} are read`
    : undefined;
}
