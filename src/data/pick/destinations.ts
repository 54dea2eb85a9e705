import { isIP } from "node:net";
import { canonicalAddress, formatAddress, parseAddress } from "../../lib/address.ts";
import { isGuarded, isUnspecified } from "../../lib/own-addresses.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { DestinationRule } from "../../model/pool.ts";
import type { PickContext, Picker, PickerInputs, PickKey } from "./picker.ts";

/** Asks for a backend. @param client the IP address of whoever goes there. */
type Want = (address: string, client: string) => void;

/** So many destinations are remembered as asked for. */
const mostAsked = 4_096;

/** The backend that each client goes to, and no other. One that is not there is asked for. */
export class DestinationPicker implements Picker {
  readonly #rule: DestinationRule;
  readonly #clock: PickerInputs["clock"];
  readonly #want: Want;
  readonly #backends: ReadonlyMap<string, PlacedBackend>;
  /** When a destination was asked for last: one that is used is asked for again before it leaves. */
  readonly #asked: Map<string, number>;

  constructor(rule: DestinationRule, { backends, clock, previous }: PickerInputs, want: Want) {
    this.#rule = rule;
    this.#clock = clock;
    this.#want = want;
    this.#backends = new Map(backends.map((backend) => [backend.address, backend]));
    this.#asked = previous instanceof DestinationPicker ? previous.#asked : new Map();
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const address = this.#addressOf(context.key);
    const backend = address === undefined ? undefined : this.#backends.get(address);
    return backend !== undefined && context.mayPick(backend) ? backend : undefined;
  }

  comes(key: PickKey): boolean {
    const address = this.#addressOf(key);
    if (address === undefined) return false;
    const { now } = this.#clock;
    const before = this.#asked.get(address) ?? Number.NEGATIVE_INFINITY;
    const isThere = this.#backends.has(address);
    // One that left, or found no room, is asked for at once, but not by everybody.
    if (now - before > (isThere ? this.#rule.idle / 2 : 100)) {
      if (this.#asked.size >= mostAsked) this.#asked.clear();
      this.#asked.set(address, now);
      this.#want(address, key.clientAddress);
    }
    return !isThere;
  }

  /** The address as backends are named; undefined: it is none that can be connected, or none that clients may choose. */
  #addressOf({ destination }: PickKey): string | undefined {
    const target = destination === undefined ? "" : parseAddress(destination);
    if (typeof target === "string" || target.kind !== "tcp" || isIP(target.host) === 0) return undefined;
    const { field, near, port = target.port } = this.#rule;
    // A zone makes another text of an address that umay has itself.
    if (port === 0 || target.host.includes("%") || isUnspecified(target.host)) return undefined;
    if (field !== undefined && near !== true && isGuarded(target.host)) return undefined;
    return formatAddress(canonicalAddress({ ...target, port }));
  }
}
