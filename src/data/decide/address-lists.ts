import { AddressSet } from "../../lib/address-set.ts";
import { type Cidr, formatCidr } from "../../lib/cidr.ts";

/** Whether an address may connect, and the list that says so. */
export interface ListVerdict {
  readonly admits: boolean;
  /** Undefined: no list is against it. */
  readonly list: "allow" | "deny" | undefined;
  /** Whether the address is in that list. */
  readonly listed: boolean;
}

const allowed: ListVerdict = { admits: true, list: "allow", listed: true };
const notAllowed: ListVerdict = { admits: false, list: "allow", listed: false };
const denied: ListVerdict = { admits: false, list: "deny", listed: true };
const notDenied: ListVerdict = { admits: true, list: "deny", listed: false };
const unlisted: ListVerdict = { admits: true, list: undefined, listed: false };

/** Ranges of addresses of clients, as a listener or a route has them. Empty lists say nothing. */
export interface Ranges {
  readonly allow: readonly Cidr[];
  readonly deny: readonly Cidr[];
}

/** Judges addresses by two lists, built once: `deny` goes before `allow`. */
export class AddressLists {
  readonly #allow: AddressSet | undefined;
  readonly #deny: AddressSet | undefined;
  readonly #admitsNameless: boolean;

  /** @param admitsNameless whether a client without an address passes: a unix socket's client has none. */
  constructor({ allow, deny }: Ranges, admitsNameless: boolean) {
    this.#allow = setOf(allow);
    this.#deny = setOf(deny);
    this.#admitsNameless = admitsNameless;
  }

  /** @param address IPv4-mapped ones unmapped; empty: there is none. */
  judge(address: string): ListVerdict {
    if (address === "") return this.#judgeNameless();
    if (this.#deny?.has(address)) return denied;
    if (this.#allow !== undefined) return this.#allow.has(address) ? allowed : notAllowed;
    return this.#deny === undefined ? unlisted : notDenied;
  }

  #judgeNameless(): ListVerdict {
    const limited = this.#allow !== undefined || this.#deny !== undefined;
    if (limited && !this.#admitsNameless) return notAllowed;
    return this.#deny === undefined ? unlisted : notDenied;
  }
}

/** The first range that has the address, as text; for explanations. @throws where none has it. */
export function rangeWith(ranges: readonly Cidr[], address: string): string {
  return formatCidr(ranges.find((range) => new AddressSet([range]).has(address))!);
}

function setOf(cidrs: readonly Cidr[]): AddressSet | undefined {
  return cidrs.length === 0 ? undefined : new AddressSet(cidrs);
}
