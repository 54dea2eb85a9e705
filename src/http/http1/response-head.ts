import { fieldIds } from "../field-names.ts";
import { isBodiless } from "../framing.ts";
import { markDropped } from "../hop-by-hop.ts";
import { type HeadEdits, type ResponseHead, unknownLength } from "../message.ts";
import { phraseOf } from "../status.ts";

const { "content-length": contentLength } = fieldIds;

/**
 * How a response ends on the client's connection. `none` has no body; nor has `announced`, an answer to HEAD that says
 * that the body would come in chunks. `close` ends with the connection, and after `switch` come the bytes of a tunnel.
 */
export type ClientFraming = "none" | "announced" | "length" | "chunked" | "close" | "switch";

/**
 * How to frame a response for a client (RFC 9112 section 6).
 * @param method of its request. @param minor of the client's HTTP/1.x.
 */
export function clientFraming(head: ResponseHead, method: string, minor: number): ClientFraming {
  if (head.status === 101) return "switch";
  if (isBodiless(head.status)) return "none";
  // Node's client does not use a connection again after an answer to HEAD that says nothing about the body.
  if (method === "HEAD") return minor > 0 && head.fields.find(contentLength) < 0 ? "announced" : "none";
  if (head.length >= 0) return "length";
  return minor > 0 ? "chunked" : "close";
}

/** The option of `Connection` that tells the client what becomes of it; empty where the version says it. */
export type ConnectionOption = "" | "close" | "keep-alive";

/**
 * The head of a response to a client, as HTTP/1.1: the backend's fields in their order without those that are for one hop
 * alone, the framing written anew, and the added fields.
 * @param edits as in `requestText`.
 * @returns a character per byte (Latin-1).
 */
export function responseText(
  head: ResponseHead,
  framing: ClientFraming,
  option: ConnectionOption,
  edits: HeadEdits | undefined,
): string {
  const { fields, phrase, status } = head;
  const marks = edits?.dropped ?? markDropped(fields, []);
  const length = fields.find(contentLength);
  // A response without a body may say how long it would be (RFC 9110 section 8.6), but not one of these.
  const keepsLength = framing === "length" || (framing === "none" && status >= 200 && status !== 204);
  if (length >= 0) marks[length] = keepsLength ? 0 : 1;
  const lines = fields.linesExcept(marks);
  const start = `HTTP/1.1 ${status} ${phrase === "" ? phraseOf(status) : phrase}\r\n`;
  const stays = option === "" ? "" : `connection: ${option}\r\n`;
  return `${start}${lines}${edits?.lines ?? ""}${framingLine(framing, length < 0 ? head.length : unknownLength)}${stays}\r\n`;
}

/** @param missing the length, where no field says it yet, else {@link unknownLength}. */
function framingLine(framing: ClientFraming, missing: number): string {
  switch (framing) {
    case "announced":
    case "chunked":
      return "transfer-encoding: chunked\r\n";
    case "length":
      return missing < 0 ? "" : `content-length: ${missing}\r\n`;
    case "switch":
      return "upgrade: websocket\r\nconnection: upgrade\r\n";
    default:
      return "";
  }
}
