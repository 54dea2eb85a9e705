import { AddressSet } from "../../lib/address-set.ts";
import type { Cidr } from "../../lib/cidr.ts";
import type { ListenerLimits } from "../../model/listener.ts";
import type { AddressRefusal } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { ClientTable } from "./client-table.ts";

/** Admitted, and nothing to give back. */
export const uncounted = -1;

/** What a listener asks of its clients' addresses. */
export class AddressLimits {
  readonly #allow: AddressSet | undefined;
  readonly #deny: AddressSet | undefined;
  readonly #clients: ClientTable | undefined;
  readonly #unix: boolean;

  /** @param worker 1 to count of workers. @returns undefined where any address will do. */
  static of(listener: PlacedListener, worker: number): AddressLimits | undefined {
    const { limits, addressTable } = listener;
    if (limits.allow.length + limits.deny.length === 0 && addressTable === undefined) return undefined;
    const clients = addressTable && new ClientTable(addressTable, worker, limits);
    return new AddressLimits(limits, clients, listener.bind.kind === "unix");
  }

  private constructor({ allow, deny }: ListenerLimits, clients: ClientTable | undefined, unix: boolean) {
    this.#allow = setOf(allow);
    this.#deny = setOf(deny);
    this.#clients = clients;
    this.#unix = unix;
  }

  /**
   * @param address IPv4-mapped ones unmapped; empty: unknown, or a unix socket's client.
   * @returns why it must be refused, or what {@link release} needs when the connection has ended.
   */
  admit(address: string): AddressRefusal | number {
    if (this.#denies(address)) return "denied";
    return this.#clients === undefined || address === "" ? uncounted : this.#clients.enter(address);
  }

  /** Why {@link admit} would refuse this address now; undefined: it would not. Nothing is counted. */
  refusal(address: string): AddressRefusal | undefined {
    if (this.#denies(address)) return "denied";
    return address === "" ? undefined : this.#clients?.refusal(address);
  }

  #denies(address: string): boolean {
    // A client that has gone already has no address; who has none is on no list.
    if (address === "") return !this.#unix && (this.#allow !== undefined || this.#deny !== undefined);
    return this.#deny?.has(address) || this.#allow?.has(address) === false;
  }

  release(place: number): void {
    if (place !== uncounted) this.#clients!.leave(place);
  }
}

function setOf(cidrs: readonly Cidr[]): AddressSet | undefined {
  return cidrs.length === 0 ? undefined : new AddressSet(cidrs);
}
