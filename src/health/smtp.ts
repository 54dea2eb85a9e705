import type { SmtpCheckSpec } from "../model/health.ts";
import { exchange, type HealthCheck, type Outcome, type Talk } from "./check.ts";
import { createDial } from "./dial.ts";
import { quoted, Reply } from "./reply.ts";

const mostBytes = 4096;

/** Passed when the server greets with 220 and takes leave after QUIT (RFC 5321 sections 3.1 and 3.8). */
export function createSmtpCheck(spec: SmtpCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return { check: (target, done) => exchange(dial, target, done, talk) };
}

function talk({ pass }: Outcome): Talk {
  const reply = new Reply(mostBytes);
  let greeted = false;
  return {
    ready() {},
    receive(chunk, connection) {
      const bytes = reply.add(chunk);
      const length = lengthOfReply(bytes);
      if (length === undefined) return;
      const code = bytes.toString("latin1", 0, 3);
      const expected = greeted ? "221" : "220";
      if (code !== expected) throw new Error(`${quoted(bytes)}, expected ${expected}`);
      if (greeted) pass();
      else connection.write("QUIT\r\n");
      greeted = true;
      reply.drop(length);
    },
    ended() {
      // It has greeted, and knows that it is over.
      if (greeted) pass();
    },
  };
}

/** A reply ends with the line that has no hyphen behind its code (RFC 5321 section 4.2.1). @returns undefined: there is more. */
function lengthOfReply(bytes: Buffer): number | undefined {
  for (let start = 0; ; ) {
    const end = bytes.indexOf("\r\n", start);
    if (end < 0) return undefined;
    if (bytes[start + 3] !== 0x2d) return end + 2;
    start = end + 2;
  }
}
