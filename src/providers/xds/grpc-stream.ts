import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { unescape as decodePercents } from "node:querystring";
import type { Duplex } from "node:stream";
import { framed } from "../../lib/grpc-message.ts";
import { http2 } from "../../lib/node-modules.ts";

/** The largest message that is taken from a control plane, in bytes. */
const largest = 64 * 1024 * 1024;
/** Time between two signs of life, and for an answer to the connection, in milliseconds. */
const keepAlive = 30_000;
const patience = 10_000;

/** Is told what a stream brings. `ended` comes once, and is the last. */
export interface StreamListener {
  opened(): void;
  /** No more is read until this settles. It never rejects. */
  message(bytes: Buffer): Promise<void>;
  ended(reason: string): void;
}

/** One call of gRPC with streams both ways, over HTTP/2: messages of five bytes of header and their content. */
export class GrpcStream {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #listener: StreamListener;
  readonly #pulse: NodeJS.Timeout;
  readonly #hurry: NodeJS.Timeout;
  #chunks: Buffer[] = [];
  #length = 0;
  #busy = false;
  #over = false;

  /** @param socket the connection, which may still be made. @param authority of the control plane. @param path of the method. */
  constructor(socket: Duplex, authority: string, path: string, listener: StreamListener) {
    this.#listener = listener;
    this.#session = http2().connect(`http://${authority}`, { createConnection: () => socket });
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
    this.#stream.write(framed(message));
  }

  /** Nothing more is told. */
  close(): void {
    this.#over = true;
    this.#release();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (!this.#busy) this.#next();
  }

  /** Hands the next message on, if all of it is there. */
  #next(): void {
    const message = this.#takeMessage();
    if (message === undefined) return void this.#stream.resume();
    this.#busy = true;
    this.#stream.pause();
    void this.#listener.message(message).finally(() => {
      this.#busy = false;
      if (!this.#over) this.#next();
    });
  }

  #takeMessage(): Buffer | undefined {
    if (this.#length < 5) return undefined;
    if (this.#chunks[0]!.length < 5) this.#join();
    const [first] = this.#chunks;
    const length = first!.readUInt32BE(1);
    const fault = faultOf(first![0]!, length);
    if (fault !== undefined) this.#end(fault);
    if (fault !== undefined || this.#length < 5 + length) return undefined;
    const bytes = this.#join();
    const rest = bytes.subarray(5 + length);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return bytes.subarray(5, 5 + length);
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    const bytes = this.#chunks.length === 1 ? first! : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    return bytes;
  }

  #ping(): void {
    const late = setTimeout(() => this.#end("it does not answer pings"), patience).unref();
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
