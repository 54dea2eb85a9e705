import { bufferBytes } from "./options.ts";

/** Room around what is read, in bytes: a head goes in front of a part of a body, the end of a chunk behind it. */
const [before, behind] = [4_096, 64];

const whole = Buffer.allocUnsafeSlow(before + bufferBytes + behind);

/**
 * One read buffer for all backend sockets of this worker: a chunk is used up or copied before the callback returns, so a
 * read allocates nothing.
 */
export const readBuffer = whole.subarray(before, before + bufferBytes);

/** Bytes that were read, with the room around them. Read it before the next call of {@link withRoom}. */
export const roomy: { bytes: Buffer; start: number; end: number } = { bytes: whole, start: 0, end: 0 };

/** Finds the room around bytes that were read; those of another buffer than {@link readBuffer} have none. */
export function withRoom(length: number, buffer: Uint8Array): typeof roomy {
  const isOwn = buffer === readBuffer;
  roomy.bytes = isOwn ? whole : (buffer as Buffer);
  roomy.start = isOwn ? before : 0;
  roomy.end = roomy.start + length;
  return roomy;
}
