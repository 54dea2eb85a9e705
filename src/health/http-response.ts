/** The most that a header may have, in bytes, as in Node. */
const longestHead = 16 * 1024;
const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
const chunkLine = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** The parts of a response as they come; calls may be nested in {@link HttpResponse.push}. */
export interface HttpResponseEvents {
  /** The final status; interim ones (RFC 9110 section 15.2) but 101 are passed over. */
  status(status: number): void;
  /** @param part of the body, without its framing; valid until this returns. */
  body(part: Buffer): void;
  /** The body is complete. */
  end(): void;
}

/** Reads one response of HTTP/1.1 (RFC 9112), in however many pieces it comes, and keeps none of its body. */
export class HttpResponse {
  readonly #bodiless: boolean;
  readonly #events: HttpResponseEvents;
  /** The expected next part. */
  #state: "status" | "header" | "bytes" | "chunk" | "chunk-end" | "trailer" | "rest" | "done" = "status";
  /** Of a line that is not complete. */
  #line = "";
  /** Of the header so far. */
  #length = 0;
  #status = 0;
  #headed = false;
  /** Bytes to come of the body, or of its chunk. */
  #bytes = 0;
  #contentLength: number | undefined;
  #coding: string | undefined;

  /** @param method of the request. */
  constructor(method: string, events: HttpResponseEvents) {
    this.#bodiless = method === "HEAD";
    this.#events = events;
  }

  /** Whether the header is complete. */
  get headed(): boolean {
    return this.#headed;
  }

  /** @throws Error that says what of the response is malformed. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#state !== "done") {
      if (this.#state === "bytes" || this.#state === "rest") at += this.#readBody(chunk.subarray(at));
      else at = this.#readLine(chunk, at);
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
    const end = feed === -1 ? chunk.length : feed;
    this.#length += end - at;
    if (this.#length > longestHead) throw new Error(`the header is longer than ${longestHead} bytes`);
    this.#line += chunk.toString("latin1", at, end);
    if (this.#state === "status" && !"HTTP/1.".startsWith(this.#line.slice(0, 7)))
      throw new Error("the answer is not HTTP/1.1");
    if (feed === -1) return end;
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r")) fail("line", line);
    this.#take(line.slice(0, -1));
    return feed + 1;
  }

  #take(line: string): void {
    switch (this.#state) {
      case "status":
        this.#status = Number((statusLine.exec(line) ?? fail("status line", line))[1]);
        this.#state = "header";
        break;
      case "header":
        if (line === "") this.#endHeader();
        else this.#takeHeader(line);
        break;
      case "chunk":
        this.#length = 0;
        this.#bytes = Number.parseInt((chunkLine.exec(line) ?? fail("chunk", line))[1]!, 16);
        this.#state = this.#bytes === 0 ? "trailer" : "bytes";
        break;
      case "chunk-end":
        if (line !== "") fail("chunk", line);
        this.#state = "chunk";
        break;
      default:
        if (line === "") this.#end();
    }
  }

  #takeHeader(line: string): void {
    const [, name, value] = headerLine.exec(line) ?? fail("header line", line);
    switch (name!.toLowerCase()) {
      case "content-length": {
        const length = /^\d{1,15}[\t ]*$/.test(value!) ? Number(value) : fail("header line", line);
        if (this.#contentLength !== undefined && this.#contentLength !== length) fail("header line", line);
        this.#contentLength = length;
        break;
      }
      case "transfer-encoding":
        this.#coding = `${this.#coding === undefined ? "" : `${this.#coding},`}${value!.trim().toLowerCase()}`;
    }
  }

  /** Where the body ends: RFC 9112 section 6.3. */
  #endHeader(): void {
    const status = this.#status;
    this.#length = 0;
    if (status < 200 && status !== 101) {
      this.#contentLength = this.#coding = undefined;
      this.#state = "status";
      return;
    }
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

function fail(what: string, line: string): never {
  throw new Error(`the answer's ${what} ${JSON.stringify(line.slice(0, 60))} is malformed`);
}
