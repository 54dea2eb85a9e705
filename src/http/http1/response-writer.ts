import type { Fault } from "../fault.ts";
import type { Fields, HeadEdits, ResponseHead, ResponseReceiver } from "../message.ts";
import type { Http1Front } from "./front.ts";
import { BodyWriter, type Output } from "./output.ts";
import { type ClientFraming, type ConnectionOption, clientFraming, responseText } from "./response-head.ts";

/**
 * Writes the responses to the requests that a front reads, one after the other, and tells the front of their ends. After
 * the last one it closes the output.
 */
export class Http1ResponseWriter extends BodyWriter implements ResponseReceiver {
  /** No further request is to be served: the next head says so. */
  isLast = false;
  readonly #front: Http1Front;
  #framing: ClientFraming | undefined;

  constructor(front: Http1Front, output: Output) {
    super(output);
    this.#front = front;
  }

  /** A byte of the final response is written, or waits to be. */
  get hasBegun(): boolean {
    return this.#framing !== undefined;
  }

  /** Interim responses came after HTTP/1.0 (RFC 9110 section 15.2). */
  interim(head: ResponseHead, edits?: HeadEdits): void {
    if (this.#front.request.minor > 0) this.output.text(responseText(head, "none", "", edits));
  }

  response(head: ResponseHead, follows: boolean, edits?: HeadEdits): void {
    const { method, minor } = this.#front.request;
    const framing = clientFraming(head, method, minor);
    // The client may leave the rest of its request out, now that it has an answer (RFC 9110 section 10.1.1).
    if (framing === "close" || this.#front.isReadingBody) this.isLast = true;
    const text = responseText(head, framing, this.#option(), edits);
    this.#framing = framing;
    this.inChunks = framing === "chunked";
    if (follows) this.waiting = text;
    else this.output.text(text);
  }

  switched(head: ResponseHead, edits?: HeadEdits): void {
    this.#framing = "switch";
    this.inChunks = false;
    this.output.text(responseText(head, "switch", "", edits));
    this.#front.tunnel();
  }

  /** Passes over the body of a response that may have none, as to HEAD. */
  override body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.#framing === "none" || this.#framing === "announced") {
      if (last) this.end(undefined);
      return true;
    }
    const accepts = super.body(bytes, start, end, last);
    if (last) this.#finish();
    return accepts;
  }

  override end(trailers: Fields | undefined): void {
    super.end(trailers);
    this.#finish();
  }

  /** Nothing can be told any more after a head but that the rest is missing. */
  fail(_fault: Fault): void {
    this.#front.close();
    this.output.reset();
  }

  #option(): ConnectionOption {
    const { minor, persists } = this.#front.request;
    if (this.isLast || !persists || this.#front.state === "closed") return "close";
    return minor > 0 ? "" : "keep-alive";
  }

  #finish(): void {
    const isTunnel = this.#framing === "switch";
    this.#framing = undefined;
    if (this.isLast) this.#front.close();
    if (isTunnel || !this.#front.answered()) this.output.close();
  }
}
