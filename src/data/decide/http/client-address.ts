import { isIPv4 } from "node:net";
import { AddressSet } from "../../../lib/address-set.ts";
import { formatIp, parseIp } from "../../../lib/proxy-protocol/ip.ts";
import type { ClientField, Forwarded } from "../../../model/http/front.ts";

/** No chain of proxies is longer; what comes before is not looked at. */
const mostHops = 64;

/** A request whose client no field names, as one has to. */
export interface Unnamed {
  /** Its name, in lower case. */
  readonly field: string;
  /** Of the answer. */
  readonly status: number;
}

const noFields: readonly ClientField[] = [];

/** Finds the client of a request, where proxies in front may name it. */
export class ClientAddress {
  /** Undefined: nobody. */
  readonly #trusted: AddressSet | undefined;
  readonly #read: Forwarded["read"];
  readonly #hops: number | undefined;
  readonly #fields: readonly ClientField[];

  constructor({
    trust,
    read,
    hops,
    clientFields,
  }: Pick<Forwarded, "trust" | "read" | "hops" | "clientFields">) {
    this.#hops = hops;
    this.#fields = clientFields ?? noFields;
    this.#trusted = trust.length === 0 ? undefined : new AddressSet(trust);
    this.#read = read;
  }

  trusts(address: string): boolean {
    return this.#trusted !== undefined && address !== "" && this.#trusted.has(address);
  }

  /**
   * @param peer of the connection, or what its PROXY protocol header says.
   * @param header all fields of a name, joined by commas.
   */
  of(peer: string, header: (name: string) => string | undefined): string | Unnamed {
    if (!this.trusts(peer)) return peer;
    for (const { name, refusal } of this.#fields) {
      const named = oneSpelling(header(name)?.trim() ?? "");
      if (named !== undefined) return named;
      if (refusal !== undefined) return { field: name, status: refusal };
    }
    const list = header(this.#read);
    if (list === undefined) return peer;
    return this.#hops === undefined ? this.#walk(peer, list) : (this.#entry(list, this.#hops) ?? peer);
  }

  /** @param place counted from the right, 1 for the last. @returns undefined where no address is there. */
  #entry(list: string, place: number): string | undefined {
    if (place === 0) return undefined;
    let end = list.length;
    for (let left = place; left > 1; left--) {
      end = commaBefore(list, end);
      if (end < 0) return undefined;
    }
    return this.#addressIn(list.slice(commaBefore(list, end) + 1, end));
  }

  /**
   * From the right over addresses that are trusted, to the first that is not. An entry that is no address ends the walk
   * at the last good one.
   */
  #walk(peer: string, list: string): string {
    let client = peer;
    let end = list.length;
    for (let hop = 0; hop < mostHops && end >= 0; hop++) {
      const comma = commaBefore(list, end);
      const address = this.#addressIn(list.slice(comma + 1, end));
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

/** @returns -1 where there is none. */
const commaBefore = (list: string, end: number): number => (end === 0 ? -1 : list.lastIndexOf(",", end - 1));

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
