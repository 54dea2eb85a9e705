import { randomFillSync } from "node:crypto";

const bytesEach = 10;
const pool = Buffer.allocUnsafeSlow(bytesEach * 256);
let used = pool.length;

/** @returns a new UUIDv7 (RFC 9562 section 5.7): ids sort by when they were made. */
export function createRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesEach);
  used += bytesEach;
  random[0] = (random[0]! & 0x0f) | 0x70;
  random[2] = (random[2]! & 0x3f) | 0x80;
  const time = Date.now().toString(16).padStart(12, "0");
  const hex = random.toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
}
