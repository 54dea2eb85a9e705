/** Bytes before each message of gRPC: whether it is compressed, and its length (PROTOCOL-HTTP2.md of the gRPC project). */
export const prefixBytes = 5;

/** A message with its prefix, not compressed. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, prefixBytes);
  return bytes;
}

/** The one message of an answer. @returns undefined where the bytes are anything else: less, more, or compressed. */
export function onlyMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < prefixBytes || bytes[0] !== 0) return undefined;
  return bytes.readUInt32BE(1) === bytes.length - prefixBytes ? bytes.subarray(prefixBytes) : undefined;
}
