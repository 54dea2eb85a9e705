import { crc32c } from "./crc32c.ts";
import {
  maxUniqueIdLength,
  type ProxyEndpoint,
  type ProxyHeader,
  type ProxySsl,
  type ProxyTlvs,
  sslFlags,
  sslTextTypes,
  textTypes,
  tlvTypes,
  v2Signature,
  v2StartLength,
} from "./header.ts";
import { formatIp, mapIp, parseIp } from "./ip.ts";

/** Bytes of the longest text that is written: the limit of DNS and ALPN names, and of HAProxy for an authority. */
const maxTextLength = 255;

type Addresses = Pick<ProxyHeader, "source" | "destination">;

/**
 * A header of version 1, to be sent in one write before any other byte. Ends of different families are both written as
 * IPv6, the IPv4 one mapped. The header is UNKNOWN unless both ends are IP addresses.
 */
export function encodeProxyV1(header: Addresses): Buffer {
  const ends = encodeEnds(header);
  if (ends === undefined) return Buffer.from("PROXY UNKNOWN\r\n");
  const [source, destination] = ends;
  const protocol = source.ip.length === 4 ? "TCP4" : "TCP6";
  const ips = `${lineIp(source.ip)} ${lineIp(destination.ip)}`;
  return Buffer.from(`PROXY ${protocol} ${ips} ${source.port} ${destination.port}\r\n`);
}

/** Version 1 knows IPv6 addresses in hexadecimal only. */
function lineIp(ip: Buffer): string {
  const text = formatIp(ip);
  if (ip.length === 4 || text.includes(":")) return text;
  return `::ffff:${ip.readUInt16BE(12).toString(16)}:${ip.readUInt16BE(14).toString(16)}`;
}

/**
 * A header of version 2, to be sent in one write before any other byte. Ends of different families are both written
 * as IPv6, the IPv4 one mapped. Unless both ends are IP addresses the header is LOCAL, as HAProxy writes it: HAProxy
 * refuses a PROXY header without addresses. Texts that are empty or longer than 255 bytes, and unique IDs that are empty
 * or longer than 128 bytes, are left out: no receiver would take them, and a part would be something else.
 * @param options.crc32c whether to add a checksum.
 * @returns at most 4096 bytes.
 */
export function encodeProxyV2(
  header: Omit<ProxyHeader, "version">,
  options: { readonly crc32c?: boolean } = {},
): Buffer {
  const ends = header.command === "local" ? undefined : encodeEnds(header);
  const parts = [...(ends === undefined ? [] : encodeAddresses(ends)), ...encodeTlvs(header.tlvs)];
  if (options.crc32c) parts.push(tlv(tlvTypes.crc32c, Buffer.alloc(4)));
  const family = ends === undefined ? 0x00 : ends[0].ip.length === 4 ? 0x11 : 0x21;
  const start = Buffer.from([ends === undefined ? 0x20 : 0x21, family, 0, 0]);
  const bytes = Buffer.concat([v2Signature, start, ...parts]);
  bytes.writeUInt16BE(bytes.length - v2StartLength, v2StartLength - 2);
  if (options.crc32c) bytes.writeUInt32BE(crc32c(bytes), bytes.length - 4);
  return bytes;
}

function encodeAddresses([source, destination]: [End, End]): Buffer[] {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return [source.ip, destination.ip, ports];
}

interface End {
  readonly ip: Buffer;
  readonly port: number;
}

/** Both ends in one family, or undefined unless both are IP addresses. */
function encodeEnds({ source, destination }: Addresses): [End, End] | undefined {
  const [from, to] = [encodeEnd(source), encodeEnd(destination)];
  if (from === undefined || to === undefined) return undefined;
  if (from.ip.length === to.ip.length) return [from, to];
  return [
    { ...from, ip: mapIp(from.ip) },
    { ...to, ip: mapIp(to.ip) },
  ];
}

function encodeEnd(end: ProxyEndpoint | undefined): End | undefined {
  // A zone (fe80::1%eth0) means something on this machine only.
  const ip = end && parseIp(end.address.split("%")[0]!);
  return ip && { ip, port: end.port };
}

function encodeTlvs(tlvs: ProxyTlvs): Buffer[] {
  const { uniqueId, ssl } = tlvs;
  const encoded = encodeTexts(tlvs, textTypes);
  if (uniqueId !== undefined && uniqueId.length > 0 && uniqueId.length <= maxUniqueIdLength)
    encoded.push(tlv(tlvTypes.uniqueId, uniqueId));
  if (ssl !== undefined) encoded.push(tlv(tlvTypes.ssl, encodeSsl(ssl)));
  return encoded;
}

function encodeSsl(ssl: ProxySsl): Buffer {
  const names = Object.keys(sslFlags) as (keyof typeof sslFlags)[];
  const flags = names.reduce((sum, name) => (ssl[name] ? sum | sslFlags[name] : sum), 0);
  const verified = ssl.verified && (ssl.certificateOnConnection || ssl.certificateInSession);
  // The result is one of OpenSSL's: 0 is X509_V_OK, 1 is X509_V_ERR_UNSPECIFIED.
  const start = Buffer.from([flags, 0, 0, 0, verified ? 0 : 1]);
  return Buffer.concat([start, ...encodeTexts(ssl, sslTextTypes)]);
}

function encodeTexts<Name extends string>(
  texts: { readonly [name in NoInfer<Name>]?: string },
  types: Readonly<Record<Name, number>>,
): Buffer[] {
  const encoded: Buffer[] = [];
  for (const name in types) {
    const value = Buffer.from(texts[name] ?? "");
    if (value.length > 0 && value.length <= maxTextLength) encoded.push(tlv(types[name], value));
  }
  return encoded;
}

function tlv(type: number, value: Buffer): Buffer {
  const start = Buffer.from([type, 0, 0]);
  start.writeUInt16BE(value.length, 1);
  return Buffer.concat([start, value]);
}
