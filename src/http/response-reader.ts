import {
  mayBeStatusLine,
  readChunkLine,
  readFieldLine,
  readLength,
  readStatusLine,
} from "./response-lines.ts";

/** The most that the head of a response, each interim one's and the trailers may have, in bytes, as in Node. */
const mostHead = 16 * 1024;
/** As many interim responses are passed over. */
const mostInterim = 8;

/** The parts of a response as they come; calls may be nested in {@link ResponseReader.push}. */
export interface ResponseEvents {
  /** The final status; interim ones (RFC 9110 section 15.2) but 101 are passed over. */
  status(status: number): void;
  /** @param part of the body, without its framing; valid until this returns. */
  body(part: Buffer): void;
  /** The body is complete. */
  end(): void;
}

/**
 * Reads one response of HTTP/1.1 (RFC 9112), in however many pieces it comes, and keeps none of its body. Each byte is
 * looked at a fixed number of times.
 */
export class ResponseReader {
  readonly #bodiless: boolean;
  readonly #mostBytes: number;
  readonly #events: ResponseEvents;
  /** The expected next part. */
  #state: "status" | "header" | "bytes" | "chunk" | "chunk-end" | "trailer" | "rest" | "done" = "status";
  /** Of a line that is not complete. */
  #pieces: Buffer[] = [];
  #lineLength = 0;
  /** Of the head so far. */
  #headLength = 0;
  /** Of all that came. */
  #length = 0;
  #interim = 0;
  #status = 0;
  #headed = false;
  /** Bytes to come of the body, or of its chunk. */
  #bytes = 0;
  #contentLength: number | undefined;
  #coding: string | undefined;

  /**
   * @param method of the request.
   * @param mostBytes that the response may have, with its framing.
   */
  constructor(method: string, mostBytes: number, events: ResponseEvents) {
    this.#bodiless = method === "HEAD";
    this.#mostBytes = mostBytes;
    this.#events = events;
  }

  /** Whether the head is complete. */
  get headed(): boolean {
    return this.#headed;
  }

  /** @throws Error that says what of the response is malformed, or which limit it exceeds. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#state !== "done") {
      if (this.#length >= this.#mostBytes)
        throw new Error(`the answer is longer than ${this.#mostBytes} bytes`);
      const from = at;
      if (this.#state === "bytes" || this.#state === "rest") at += this.#readBody(chunk.subarray(at));
      else at = this.#readLine(chunk, at);
      this.#length += at - from;
    }
  }

  /** The connection has ended. @returns whether the response is complete. */
  ended(): boolean {
    if (this.#state === "rest") this.#end();
    return this.#state === "done";
  }

  #readBody(rest: Buffer): number {
    const part = this.#state === "rest" ? rest : rest.subarray(0, this.#bytes);
    this.#bytes -= part.length;
    this.#events.body(part);
    if (this.#state === "bytes" && this.#bytes === 0) {
      if (this.#coding === undefined) this.#end();
      else this.#state = "chunk-end";
    }
    return part.length;
  }

  #readLine(chunk: Buffer, at: number): number {
    const feed = chunk.indexOf(10, at);
    const part = chunk.subarray(at, feed === -1 ? chunk.length : feed);
    this.#headLength += part.length;
    if (this.#headLength > mostHead) throw new Error(`the header is longer than ${mostHead} bytes`);
    if (this.#state === "status" && !mayBeStatusLine(part, this.#lineLength))
      throw new Error("the answer is not HTTP/1.1");
    this.#lineLength += part.length;
    if (feed === -1) {
      this.#pieces.push(Buffer.from(part));
      return chunk.length;
    }
    const line = this.#pieces.length === 0 ? part : Buffer.concat([...this.#pieces.splice(0), part]);
    this.#lineLength = 0;
    if (line.at(-1) !== 13) fail("line", line);
    this.#take(line.subarray(0, -1));
    return feed + 1;
  }

  #take(line: Buffer): void {
    switch (this.#state) {
      case "status":
        this.#status = readStatusLine(line) ?? fail("status line", line);
        this.#state = "header";
        break;
      case "header":
        if (line.length === 0) this.#endHeader();
        else this.#takeHeader(line);
        break;
      case "chunk":
        this.#headLength = 0;
        this.#bytes = readChunkLine(line) ?? fail("chunk", line);
        this.#state = this.#bytes === 0 ? "trailer" : "bytes";
        break;
      case "chunk-end":
        if (line.length > 0) fail("chunk", line);
        this.#state = "chunk";
        break;
      default:
        if (line.length === 0) this.#end();
    }
  }

  #takeHeader(line: Buffer): void {
    const { nameEnd, valueStart, valueEnd } = readFieldLine(line) ?? fail("header line", line);
    const value = line.subarray(valueStart, valueEnd);
    switch (line.toString("latin1", 0, nameEnd).toLowerCase()) {
      case "content-length": {
        const length = readLength(value) ?? fail("header line", line);
        if (this.#contentLength !== undefined && this.#contentLength !== length) fail("header line", line);
        this.#contentLength = length;
        break;
      }
      case "transfer-encoding": {
        const before = this.#coding === undefined ? "" : `${this.#coding},`;
        this.#coding = `${before}${value.toString("latin1").toLowerCase()}`;
      }
    }
  }

  #endHeader(): void {
    this.#headLength = 0;
    if (this.#status >= 200 || this.#status === 101) {
      this.#beginBody();
      return;
    }
    if (++this.#interim > mostInterim)
      throw new Error(`the answer has more than ${mostInterim} interim responses`);
    this.#contentLength = this.#coding = undefined;
    this.#state = "status";
  }

  /** Where the body ends: RFC 9112 section 6.3. */
  #beginBody(): void {
    const status = this.#status;
    if (this.#coding !== undefined && this.#contentLength !== undefined)
      throw new Error("the answer has both Transfer-Encoding and Content-Length");
    const bodiless = this.#bodiless || status === 101 || status === 204 || status === 304;
    this.#bytes = this.#contentLength ?? 0;
    if (bodiless || this.#contentLength === 0) this.#state = "done";
    else if (this.#coding === "chunked") this.#state = "chunk";
    else this.#state = this.#contentLength === undefined ? "rest" : "bytes";
    this.#headed = true;
    this.#events.status(status);
    if (this.#state === "done") this.#events.end();
  }

  #end(): void {
    this.#state = "done";
    this.#events.end();
  }
}

function fail(what: string, line: Buffer): never {
  const text = line.toString("latin1", 0, line.at(-1) === 13 ? -1 : undefined);
  throw new Error(`the answer's ${what} ${JSON.stringify(text.slice(0, 60))} is malformed`);
}
