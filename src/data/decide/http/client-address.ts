import { isIPv4 } from "node:net";
import { AddressSet } from "../../../lib/address-set.ts";
import { formatIp, parseIp } from "../../../lib/proxy-protocol/ip.ts";
import type { Forwarded } from "../../../model/http/front.ts";

/** No chain of proxies is longer; what comes before is not looked at. */
const mostHops = 64;

/** Finds the client of a request, where proxies in front may name it. */
export class ClientAddress {
  /** Undefined: nobody. */
  readonly #trusted: AddressSet | undefined;
  readonly #read: Forwarded["read"];
  readonly #hops: number | undefined;

  constructor({ trust, read, hops }: Pick<Forwarded, "trust" | "read" | "hops">) {
    this.#hops = hops;
    this.#trusted = trust.length === 0 ? undefined : new AddressSet(trust);
    this.#read = read;
  }

  trusts(address: string): boolean {
    return this.#trusted !== undefined && address !== "" && this.#trusted.has(address);
  }

  /**
   * From the right over addresses that are trusted, to the first that is not. An entry that is no address ends the walk
   * at the last good one.
   * @param peer of the connection, or what its PROXY protocol header says.
   * @param header all fields of a name, joined by commas.
   */
  of(peer: string, header: (name: string) => string | undefined): string {
    if (!this.trusts(peer)) return peer;
    const list = header(this.#read);
    if (list === undefined) return peer;
    let client = peer;
    let end = list.length;
    const most = this.#hops ?? mostHops;
    for (let hop = 0; hop < most && end >= 0; hop++) {
      const comma = list.lastIndexOf(",", end - 1);
      const address = this.#addressIn(list.slice(end === 0 ? 0 : comma + 1, end));
      if (address === undefined) return client;
      client = address;
      if (comma < 0 || !this.trusts(client)) return client;
      end = comma;
    }
    return client;
  }

  #addressIn(entry: string): string | undefined {
    const text = this.#read === "forwarded" ? forParameter(entry) : entry.trim();
    return oneSpelling(withoutPort(text));
  }
}

/** RFC 7239 section 4. */
function forParameter(element: string): string {
  for (const pair of element.split(";")) {
    const equals = pair.indexOf("=");
    if (pair.slice(0, equals).trim().toLowerCase() !== "for") continue;
    const value = pair.slice(equals + 1).trim();
    return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return "";
}

/** `192.0.2.1:80`, `[2001:db8::1]:80` and addresses alone. */
function withoutPort(text: string): string {
  if (text.startsWith("[")) return text.slice(1, text.indexOf("]"));
  const colon = text.indexOf(":");
  return colon >= 0 && text.indexOf(":", colon + 1) < 0 ? text.slice(0, colon) : text;
}

/** An address as sockets have it, whatever way it was written: lists and keys know no other. @returns undefined for any other text. */
function oneSpelling(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const ip = parseIp(text.split("%", 1)[0]!);
  return ip && formatIp(ip);
}
