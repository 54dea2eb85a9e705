import type { Answer } from "../answer.ts";
import { phraseOf } from "../status.ts";
import type { ConnectionOption } from "./response-head.ts";

/** An answer without a body, and without a field that would say how long it is (RFC 9110 section 8.6). */
const isBare = (status: number): boolean => status < 200 || status === 204 || status === 304;

/**
 * An answer of umay's own as HTTP/1.1, with its body unless the method is HEAD.
 * @param added lines, each with its CRLF, such as Date.
 * @returns a character per byte (Latin-1).
 */
export function answerText(answer: Answer, method: string, option: ConnectionOption, added: string): string {
  const { status, fields, body } = answer;
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = isBare(status) ? "" : `content-length: ${body.length}\r\n`;
  const stays = option === "" ? "" : `connection: ${option}\r\n`;
  const sent = isBare(status) || method === "HEAD" ? "" : body;
  return `HTTP/1.1 ${status} ${phraseOf(status)}\r\n${lines}${length}${added}${stays}\r\n${sent}`;
}

/** A client that waits for this sends its body after it (RFC 9110 section 15.2.1). */
export const continueText = "HTTP/1.1 100 Continue\r\n\r\n";
