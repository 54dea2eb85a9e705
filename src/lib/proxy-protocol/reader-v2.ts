import { isUtf8 } from "node:buffer";
import { crc32c } from "./crc32c.ts";
import {
  type Found,
  maxUniqueIdLength,
  maxV2Length,
  type ProxyHeader,
  type ProxySsl,
  type ProxyTlvs,
  sslFlags,
  sslTextTypes,
  textTypes,
  tlvTypes,
  v2StartLength,
} from "./header.ts";
import { formatIp } from "./ip.ts";

/** Bytes of the two addresses, by family: AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX. */
const addressesLengths = [0, 12, 36, 216];
const known: ReadonlySet<number> = new Set(Object.values({ ...tlvTypes, ...textTypes }));
const knownInSsl: ReadonlySet<number> = new Set(Object.values(sslTextTypes));
const noChecksum = Buffer.alloc(4);

/** Reads a header whose signature has been seen. */
export function readV2(bytes: Buffer): Found {
  if (bytes.length < v2StartLength) return v2StartLength;
  const fault = startFault(bytes);
  if (fault !== undefined) return fault;
  const length = v2StartLength + bytes.readUInt16BE(14);
  if (bytes.length < length) return length;
  const header = bytes[12] === 0x20 ? local : readProxied(bytes.subarray(0, length));
  return typeof header === "string" ? header : { header, length };
}

const local: ProxyHeader = { version: 2, command: "local", tlvs: {} };

/** The fault of the 16 bytes that every header has, if there is one. */
function startFault(bytes: Buffer): string | undefined {
  const [version, command] = nibbles(bytes, 12);
  if (version !== 2) return `has version ${version} after the signature of version 2`;
  if (command > 1) return `has command ${command}; expected 0 (LOCAL) or 1 (PROXY)`;
  const length = v2StartLength + bytes.readUInt16BE(14);
  if (length > maxV2Length) return `is ${length} bytes long; at most ${maxV2Length} are read`;
  // The specification has receivers ignore the family and all that follows it in a LOCAL header.
  if (command === 0) return undefined;
  const [family, transport] = nibbles(bytes, 13);
  if (family > 3) return `has address family ${family}; expected 0 to 3`;
  if (transport > 2) return `has transport ${transport}; expected 0 (UNSPEC) or 1 (STREAM)`;
  if (transport === 2) return "is one of datagrams, but came over a stream";
  const least = v2StartLength + addressesLengths[family]!;
  if (length < least) return `is ${length} bytes long; its addresses alone take it to ${least}`;
  return undefined;
}

function nibbles(bytes: Buffer, index: number): [high: number, low: number] {
  return [bytes[index]! >> 4, bytes[index]! & 0x0f];
}

/** @returns the header, or its fault. */
function readProxied(bytes: Buffer): ProxyHeader | string {
  const [family, transport] = nibbles(bytes, 13);
  const tlvs = readTlvs(bytes, v2StartLength + addressesLengths[family]!);
  if (typeof tlvs === "string") return tlvs;
  const size = transport === 0 ? undefined : { 1: 4, 2: 16 }[family];
  if (size === undefined) return { version: 2, command: "proxy", tlvs };
  const end = (index: 0 | 1): { address: string; port: number } => {
    const at = v2StartLength + index * size;
    const port = bytes.readUInt16BE(v2StartLength + 2 * size + 2 * index);
    return { address: formatIp(bytes.subarray(at, at + size)), port };
  };
  return { version: 2, command: "proxy", source: end(0), destination: end(1), tlvs };
}

function readTlvs(header: Buffer, start: number): ProxyTlvs | string {
  const values = splitTlvs(header.subarray(start), known);
  if (typeof values === "string") return values;
  const checksum = values.get(tlvTypes.crc32c);
  if (checksum !== undefined) {
    const fault = checksumFault(header, checksum);
    if (fault !== undefined) return fault;
  }
  const uniqueId = values.get(tlvTypes.uniqueId);
  if (uniqueId !== undefined && uniqueId.length > maxUniqueIdLength)
    return `has a unique ID of ${uniqueId.length} bytes; at most ${maxUniqueIdLength} are allowed`;
  const sslValue = values.get(tlvTypes.ssl);
  const ssl = sslValue && readSsl(sslValue);
  if (typeof ssl === "string") return ssl;
  return {
    ...readTexts(values, textTypes),
    // A copy: the buffer around these bytes can be large and is not kept.
    ...(uniqueId && { uniqueId: Buffer.from(uniqueId) }),
    ...(ssl && { ssl }),
  };
}

/**
 * The values of the TLVs that fill all of the bytes. TLVs of unknown types are left out.
 * @returns the fault, if a TLV does not fit in, or if two of the same type contradict each other.
 */
function splitTlvs(bytes: Buffer, types: ReadonlySet<number>): Map<number, Buffer> | string {
  const values = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 3) return `has ${bytes.length - at} bytes where a TLV takes 3 or more`;
    const type = bytes[at]!;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return `has a ${nameTlv(type)} that ends ${end - bytes.length} bytes too late`;
    if (values.has(type)) return `has more than one ${nameTlv(type)}`;
    if (types.has(type)) values.set(type, bytes.subarray(at + 3, end));
    at = end;
  }
  return values;
}

function nameTlv(type: number): string {
  return `TLV of type 0x${type.toString(16).padStart(2, "0")}`;
}

/** @param checksum the part of the header that counts as zeros. */
function checksumFault(header: Buffer, checksum: Buffer): string | undefined {
  if (checksum.length !== 4) return `has a CRC32C of ${checksum.length} bytes; expected 4`;
  const at = checksum.byteOffset - header.byteOffset;
  const before = crc32c(noChecksum, crc32c(header.subarray(0, at)));
  if (crc32c(header.subarray(at + 4), before) === checksum.readUInt32BE()) return undefined;
  return "does not have the CRC32C that it states";
}

function readSsl(value: Buffer): ProxySsl | string {
  if (value.length < 5) return `has an SSL TLV of ${value.length} bytes; expected 5 or more`;
  const texts = splitTlvs(value.subarray(5), knownInSsl);
  if (typeof texts === "string") return `${texts} inside its SSL TLV`;
  const has = (flag: number): boolean => (value[0]! & flag) !== 0;
  const certificateOnConnection = has(sslFlags.certificateOnConnection);
  const certificateInSession = has(sslFlags.certificateInSession);
  return {
    client: has(sslFlags.client),
    certificateOnConnection,
    certificateInSession,
    // HAProxy also writes the result 0 when there was no certificate to verify.
    verified: value.readUInt32BE(1) === 0 && (certificateOnConnection || certificateInSession),
    ...readTexts(texts, sslTextTypes),
  };
}

/** The texts of these types. A text that is not UTF-8 is skipped like a TLV of an unknown type. */
function readTexts<Name extends string>(
  values: ReadonlyMap<number, Buffer>,
  types: Readonly<Record<Name, number>>,
): { [name in Name]?: string } {
  const texts: { [name in Name]?: string } = {};
  for (const name in types) {
    const value = values.get(types[name]);
    if (value !== undefined && isUtf8(value)) texts[name] = value.toString();
  }
  return texts;
}
