import type { Answer } from "../answer.ts";
import { isBodiless } from "../framing.ts";
import { phraseOf } from "../status.ts";
import type { ConnectionOption } from "./response-head.ts";

/**
 * An answer of umay's own as HTTP/1.1, with its body unless the method is HEAD.
 * @param added lines, each with its CRLF, such as Date.
 * @returns a character per byte (Latin-1).
 */
export function answerText(answer: Answer, method: string, option: ConnectionOption, added: string): string {
  const { status, fields, body } = answer;
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = isBodiless(status) ? "" : `content-length: ${body.length}\r\n`;
  const stays = option === "" ? "" : `connection: ${option}\r\n`;
  const sent = isBodiless(status) || method === "HEAD" ? "" : body;
  return `HTTP/1.1 ${status} ${phraseOf(status)}\r\n${lines}${length}${added}${stays}\r\n${sent}`;
}

/** A client that waits for this sends its body after it (RFC 9110 section 15.2.1). */
export const continueText = "HTTP/1.1 100 Continue\r\n\r\n";
