import { randomFillSync } from "node:crypto";

/** The ids of a trace and of a span (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4). */
const traceDigits = 32;
const spanDigits = 16;
const idsAtOnce = 256;
const random = Buffer.allocUnsafeSlow(((traceDigits + spanDigits) * idsAtOnce) / 2);
/** Ids are drawn many at a time, because a draw costs as much as ten of them. */
let drawn = "";
let used = 0;

/** @returns 48 new hexadecimal digits: a trace's id and a span's. */
export function drawTraceIds(): string {
  if (used === drawn.length) {
    drawn = randomFillSync(random).toString("hex");
    used = 0;
  }
  used += traceDigits + spanDigits;
  return drawn.slice(used - traceDigits - spanDigits, used);
}
