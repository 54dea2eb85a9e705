import { randomFillSync } from "node:crypto";
import { hexValues } from "../../../http/bytes.ts";

/** Of an id, the digits that are drawn: 74 bits. */
const digitsEach = 19;
const pool = Buffer.allocUnsafeSlow(digitsEach * 128);
/** Random digits of the next ids. */
let digits = "";
let used = 0;
const time = { ms: 0, prefix: "" };

/** @returns a new UUIDv7 (RFC 9562 section 5.7): ids sort by when they were made. */
export function createRequestId(): string {
  const now = Date.now();
  if (now !== time.ms) {
    const hex = now.toString(16).padStart(12, "0");
    time.ms = now;
    time.prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  }
  if (used === digits.length) {
    digits = randomFillSync(pool).toString("hex");
    used = 0;
  }
  const at = used;
  used += digitsEach;
  const variant = variants[hexValues[digits.charCodeAt(at + 3)]! & 3];
  return `${time.prefix}${digits.slice(at, at + 3)}-${variant}${digits.slice(at + 4, at + 7)}-${digits.slice(at + 7, used)}`;
}

/** Two bits of this digit say which form of UUID it is (RFC 9562 section 4.1). */
const variants = ["8", "9", "a", "b"];
