import type { ServerStream } from "../../../../http/http2/server-stream.ts";
import type { Fields, HeadEdits, ResponseHead } from "../../../../http/message.ts";
import type { ResponseSink } from "../client.ts";

/** The response of one stream. */
export class Http2Response implements ResponseSink {
  /** No head says so: the connection tells clients with GOAWAY. */
  isLast = false;
  readonly #stream: ServerStream;

  constructor(stream: ServerStream) {
    this.#stream = stream;
  }

  interim(head: ResponseHead, edits?: HeadEdits): void {
    this.#stream.interim(head, edits);
  }

  response(head: ResponseHead, follows: boolean, edits?: HeadEdits): void {
    this.#stream.response(head, follows, edits);
  }

  switched(head: ResponseHead, edits?: HeadEdits): void {
    this.#stream.switched(head, edits);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#stream.body(bytes, start, end, last);
  }

  end(trailers: Fields | undefined): void {
    this.#stream.end(trailers);
  }
}
