import { AddressSet } from "../../lib/address-set.ts";
import type { Cidr } from "../../lib/cidr.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

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

/** The lists of a listener: `deny` goes before `allow`. */
export class AddressLists {
  readonly #allow: AddressSet | undefined;
  readonly #deny: AddressSet | undefined;
  readonly #unix: boolean;

  constructor({ limits: { allow, deny }, bind }: Pick<PlacedListener, "limits" | "bind">) {
    this.#allow = setOf(allow);
    this.#deny = setOf(deny);
    this.#unix = bind.kind === "unix";
  }

  /** @param address IPv4-mapped ones unmapped; empty: unknown, or a unix socket's client. */
  judge(address: string): ListVerdict {
    if (address === "") return this.#judgeNobody();
    if (this.#deny?.has(address)) return denied;
    if (this.#allow !== undefined) return this.#allow.has(address) ? allowed : notAllowed;
    return this.#deny === undefined ? unlisted : notDenied;
  }

  /** A client of TCP without an address has gone already. A unix socket's client is on no list. */
  #judgeNobody(): ListVerdict {
    const limited = this.#allow !== undefined || this.#deny !== undefined;
    if (limited && !this.#unix) return notAllowed;
    return this.#deny === undefined ? unlisted : notDenied;
  }
}

function setOf(cidrs: readonly Cidr[]): AddressSet | undefined {
  return cidrs.length === 0 ? undefined : new AddressSet(cidrs);
}
