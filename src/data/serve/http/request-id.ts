import { randomFillSync } from "node:crypto";
import { hexValues } from "../../../http/bytes.ts";
import { timeOfDay } from "../../clock.ts";

/** Of an id, the part that is drawn: `xxx-yxxx-xxxxxxxxxxxx`, with 74 random bits. */
const drawnEach = 21;
const idsAtOnce = 256;
const random = Buffer.allocUnsafeSlow((drawnEach * idsAtOnce) / 2);
/** The drawn parts of the next ids. */
let drawn = "";
let used = 0;
const time = { ms: 0, prefix: "" };

/** @returns a new UUIDv7 (RFC 9562 section 5.7): ids sort by when they were made. */
export function createRequestId(): string {
  const now = timeOfDay();
  if (now !== time.ms) {
    const hex = now.toString(16).padStart(12, "0");
    time.ms = now;
    time.prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  }
  if (used === drawn.length) {
    drawn = draw();
    used = 0;
  }
  used += drawnEach;
  return time.prefix + drawn.slice(used - drawnEach, used);
}

/** Two bits of this digit say which form of UUID it is (RFC 9562 section 4.1). */
const variants = Buffer.from("89ab");

function draw(): string {
  const text = Buffer.from(randomFillSync(random).toString("hex"), "latin1");
  for (let at = 0; at < text.length; at += drawnEach) {
    text[at + 3] = text[at + 8] = 0x2d;
    text[at + 4] = variants[hexValues[text[at + 4]!]! & 3]!;
  }
  return text.toString("latin1");
}
