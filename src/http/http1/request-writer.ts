import { type HeadEdits, type RequestHead, unknownLength } from "../message.ts";
import { BodyWriter } from "./output.ts";
import { requestText } from "./request-head.ts";

/** Writes requests to one connection of a backend (RFC 9112), one after the other. */
export class Http1RequestWriter extends BodyWriter {
  /**
   * @param follows `body` or `end` is called next, before control goes back to the event loop.
   */
  request(head: RequestHead, follows: boolean, edits?: HeadEdits): void {
    const isTunnel = head.upgrade !== "";
    this.inChunks = head.length === unknownLength && !isTunnel;
    const text = requestText(head, edits);
    if (follows) this.waiting = text;
    else this.output.text(text);
  }
}
