import { canonicalName } from "../../lib/host-name.ts";
import type { HelloAlert } from "./last-words.ts";

/**
 * The content of the first message of a TLS client, which is not encrypted (RFC 8446 section 4.1.2, RFC 6066 section 3,
 * RFC 7301). With Encrypted Client Hello it is the outer, public name.
 */
export interface ClientHello {
  /** Lower case, without a trailing dot; empty where the client sent no host name. */
  readonly serverName: string;
  /** Application protocols that the client offers, in its order. */
  readonly alpn: readonly string[];
}

/** The bytes so far, as they were read. */
export type HelloReading =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  /** Not the beginning of a TLS connection, or one that breaks the rules; no further byte will mend it. */
  | {
      readonly kind: "malformed";
      readonly detail: string;
      /** The alert that OpenSSL would send; undefined: nothing, because it is not TLS. */
      readonly alert: HelloAlert | undefined;
    };

/** The longest hello that is read, in bytes of handshake data: the largest that browsers send is a tenth of it. */
export const largestHello = 16_384;
/** Most bytes that a hello may arrive in, record headers included, however small a client cuts its records. */
export const largestPrelude = 2 * largestHello;

/** RFC 8446 section 5.1. */
const largestRecord = 16_384;
const recordHeader = 5;
const handshakeHeader = 4;
const more: HelloReading = { kind: "more" };

/**
 * Reads a hello as it comes, in however many records and segments. Never throws; looks at no byte that is not there,
 * and at none twice.
 */
export class ClientHelloReader {
  readonly #fragments: Buffer[] = [];
  #gathered = 0;
  /** The length of the whole message with its header, once that is known. */
  #needed = 0;
  #offset = 0;

  /** @param bytes all that the client has sent so far: each time the same bytes, and some more. */
  read(bytes: Buffer): HelloReading {
    for (;;) {
      const start = this.#offset;
      if (start > largestPrelude)
        return malformed(`a hello that takes more than ${largestPrelude} bytes`, "illegal_parameter");
      if (bytes.length === start) return more;
      if (bytes[start] !== 22)
        return start === 0
          ? malformed("no TLS handshake")
          : malformed("a record that interrupts the hello", "unexpected_message");
      if (bytes.length > start + 1 && bytes[start + 1] !== 3) return malformed("no version of TLS");
      if (bytes.length < start + recordHeader) return more;
      const length = bytes.readUInt16BE(start + 3);
      if (length === 0 || length > largestRecord)
        return malformed(
          `a record of ${length} bytes`,
          length === 0 ? "unexpected_message" : "record_overflow",
        );
      const end = start + recordHeader + length;
      if (bytes.length < end) return more;
      this.#offset = end;
      this.#fragments.push(bytes.subarray(start + recordHeader, end));
      this.#gathered += length;
      const reading = this.#readMessage();
      if (reading !== more) return reading;
    }
  }

  #readMessage(): HelloReading {
    if (this.#gathered < handshakeHeader) return more;
    if (this.#needed === 0) {
      const header = Buffer.concat(this.#fragments, this.#gathered);
      if (header[0] !== 1) return malformed("a first message that is no client hello", "unexpected_message");
      const length = header.readUIntBE(1, 3);
      if (length > largestHello)
        return malformed(
          `a hello of ${length} bytes, where at most ${largestHello} are read`,
          "illegal_parameter",
        );
      this.#needed = handshakeHeader + length;
    }
    if (this.#gathered < this.#needed) return more;
    const message = Buffer.concat(this.#fragments, this.#gathered);
    return readBody(new Cursor(message.subarray(handshakeHeader, this.#needed)));
  }
}

function readBody(body: Cursor): HelloReading {
  body.skip(2 + 32);
  body.skip(body.uint8());
  body.skip(body.uint16());
  body.skip(body.uint8());
  let serverName = "";
  let alpn: readonly string[] = [];
  // A hello without extensions ends here (RFC 5246 section 7.4.1.2).
  const extensions = body.left === 0 ? new Cursor(Buffer.alloc(0)) : body.part(body.uint16());
  const seen = new Set<number>();
  while (extensions.left > 0 && !extensions.overrun) {
    const type = extensions.uint16();
    const content = extensions.part(extensions.uint16());
    // RFC 8446 section 4.2. Whoever reads on might take another of them for the one that counts.
    if (seen.has(type)) return malformed(`extension ${type} comes twice`, "illegal_parameter");
    seen.add(type);
    if (type === 0) serverName = readServerName(content);
    else if (type === 16) alpn = readAlpn(content);
    if (content.overrun) return malformed(`extension ${type} is cut short`, "decode_error");
  }
  if (body.overrun || extensions.overrun)
    return malformed("a field is longer than the hello", "decode_error");
  return { kind: "hello", hello: { serverName, alpn } };
}

/** @returns the host name; empty where there is none that could be a DNS name. */
function readServerName(content: Cursor): string {
  const list = content.part(content.uint16());
  while (list.left > 0 && !list.overrun) {
    const type = list.uint8();
    const name = list.part(list.uint16()).rest();
    if (type === 0) return normaliseServerName(name.toString("latin1"));
  }
  return "";
}

function readAlpn(content: Cursor): readonly string[] {
  const protocols: string[] = [];
  const list = content.part(content.uint16());
  while (list.left > 0 && !list.overrun) protocols.push(list.part(list.uint8()).rest().toString("latin1"));
  return protocols;
}

/** Lower case, without a trailing dot; empty for what is no DNS name: NUL and other odd bytes, IP addresses, over-long ones. */
export function normaliseServerName(name: string): string {
  const plain = canonicalName(name);
  return plain.length <= 253 && /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(plain) && !/^[0-9.]+$/.test(plain)
    ? plain
    : "";
}

const malformed = (detail: string, alert?: HelloAlert): HelloReading => ({
  kind: "malformed",
  detail,
  alert,
});

/** Reads forward through bytes, never past their end: then `overrun` is set, and what is read is zero or empty. */
class Cursor {
  overrun = false;
  readonly #bytes: Buffer;
  #offset = 0;
  readonly #parent: Cursor | undefined;

  constructor(bytes: Buffer, parent?: Cursor) {
    this.#bytes = bytes;
    this.#parent = parent;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(): number {
    return this.#take(1)?.readUInt8(0) ?? 0;
  }

  uint16(): number {
    return this.#take(2)?.readUInt16BE(0) ?? 0;
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The next `count` bytes as a cursor of their own; running over its end sets this one's `overrun` too. */
  part(count: number): Cursor {
    return new Cursor(this.#take(count) ?? Buffer.alloc(0), this);
  }

  rest(): Buffer {
    return this.#take(this.left)!;
  }

  #take(count: number): Buffer | undefined {
    if (count > this.left) {
      this.#overrun();
      return undefined;
    }
    const taken = this.#bytes.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return taken;
  }

  #overrun(): void {
    this.overrun = true;
    this.#offset = this.#bytes.length;
    if (this.#parent !== undefined) this.#parent.#overrun();
  }
}
