import { isIPv4 } from "node:net";
import { type Found, maxV1Length, type ProxyEndpoint, type ProxyHeader, v1Signature } from "./header.ts";
import { formatIp, parseIp } from "./ip.ts";

const [lineFeed, carriageReturn] = [0x0a, 0x0d];

/** Reads a header whose signature has been seen. */
export function readV1(bytes: Buffer): Found {
  const last = maxV1Length - 1;
  const end = bytes.findIndex((byte, at) => byte === carriageReturn || byte === lineFeed || at === last);
  if (end < 0) return bytes.length + 1;
  if (end === last) return `has no CRLF in its first ${maxV1Length} bytes`;
  if (bytes[end] === lineFeed) return "has a line feed without a carriage return";
  if (end + 1 === bytes.length) return bytes.length + 1;
  if (bytes[end + 1] !== lineFeed) return "has a carriage return without a line feed";
  const header = readLine(bytes.toString("latin1", v1Signature.length, end));
  return typeof header === "string" ? header : { header, length: end + 2 };
}

/** @returns the header, or the fault of the line. */
function readLine(line: string): ProxyHeader | string {
  const fields = line.split(" ");
  const [protocol = "", source = "", destination = "", sourcePort = "", destinationPort = ""] = fields;
  if (protocol === "UNKNOWN") return { version: 1, command: "proxy", tlvs: {} };
  if (protocol !== "TCP4" && protocol !== "TCP6")
    return `names the protocol ${quote(protocol)}; expected TCP4, TCP6 or UNKNOWN`;
  if (fields.length !== 5) return `has ${fields.length} fields after PROXY; expected 5, each after one space`;
  const from = readEndpoint(protocol, source, sourcePort);
  if (typeof from === "string") return `has a bad source: ${from}`;
  const to = readEndpoint(protocol, destination, destinationPort);
  if (typeof to === "string") return `has a bad destination: ${to}`;
  return { version: 1, command: "proxy", source: from, destination: to, tlvs: {} };
}

function readEndpoint(protocol: "TCP4" | "TCP6", address: string, port: string): ProxyEndpoint | string {
  const ip = isIPv4(address) === (protocol === "TCP4") ? parseIp(address) : undefined;
  if (ip === undefined) return `${quote(address)} is no address of ${protocol}`;
  if (!/^(?:0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65535)
    return `${quote(port)} is no port (0 to 65535, without leading zeros)`;
  return { address: formatIp(ip), port: Number(port) };
}

/** The text of a Latin-1 line, without control characters for a terminal. */
function quote(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.replaceAll(/[^ -~]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
