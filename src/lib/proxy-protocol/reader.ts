import { type Found, type ProxyHeader, v1Signature, v2Signature } from "./header.ts";
import { readV1 } from "./reader-v1.ts";
import { readV2 } from "./reader-v2.ts";

/** The result of a reader so far. */
export type ProxyHeaderRead =
  | { readonly kind: "more" }
  /** `length` is the header's length in bytes. The byte after it is the session's first. */
  | { readonly kind: "header"; readonly header: ProxyHeader; readonly length: number }
  /** `detail` continues a sentence after "the PROXY header". Quoted bytes are escaped. */
  | { readonly kind: "malformed"; readonly detail: string };

/**
 * Reads the PROXY protocol header, version 1 or 2, that one connection begins with.
 * Source: The PROXY protocol, versions 1 & 2 (doc/proxy-protocol.txt of HAProxy).
 */
export class ProxyHeaderReader {
  /** With fewer bytes the last answer does not change. */
  #needed = 1;

  /**
   * Never throws, and never looks at bytes behind the header. Bytes that can't begin a header are malformed at once. The
   * reader never asks for more than 4096 bytes.
   * @param bytes all bytes that came so far, those of earlier calls included.
   */
  read(bytes: Buffer): ProxyHeaderRead {
    if (bytes.length < this.#needed) return { kind: "more" };
    const found = readHeader(bytes);
    if (typeof found === "string") return { kind: "malformed", detail: found };
    if (typeof found !== "number") return { kind: "header", ...found };
    this.#needed = found;
    return { kind: "more" };
  }
}

function readHeader(bytes: Buffer): Found {
  const isV2 = bytes[0] === v2Signature[0];
  const signature = isV2 ? v2Signature : v1Signature;
  const wrong = signature.findIndex((byte, index) => index < bytes.length && byte !== bytes[index]);
  if (wrong >= 0) {
    const first = bytes.toString("hex", 0, wrong + 1).replaceAll(/(..)(?=.)/g, "$1 ");
    return `is missing: the connection begins with the bytes ${first}`;
  }
  if (bytes.length < signature.length) return bytes.length + 1;
  return isV2 ? readV2(bytes) : readV1(bytes);
}
