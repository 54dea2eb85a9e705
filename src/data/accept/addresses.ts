import type { AddressRefusal } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { AddressLists } from "../decide/address-lists.ts";
import { ClientTable } from "./client-table.ts";

/** Admitted, and nothing to give back. */
export const uncounted = -1;

/** The limits of a listener on its clients' addresses. */
export class AddressLimits {
  readonly #lists: AddressLists;
  readonly #clients: ClientTable | undefined;

  /** @param worker 1 to count of workers. @returns undefined where any address will do. */
  static of(listener: PlacedListener, worker: number): AddressLimits | undefined {
    const { limits, addressTable } = listener;
    if (limits.allow.length + limits.deny.length === 0 && addressTable === undefined) return undefined;
    const clients = addressTable && new ClientTable(addressTable, worker, limits);
    return new AddressLimits(new AddressLists(limits, acceptsNameless(listener)), clients);
  }

  private constructor(lists: AddressLists, clients: ClientTable | undefined) {
    this.#lists = lists;
    this.#clients = clients;
  }

  /**
   * @param address IPv4-mapped ones unmapped; empty: unknown, or a unix socket's client.
   * @returns why it must be refused, or what {@link release} needs when the connection has ended.
   */
  admit(address: string): AddressRefusal | number {
    if (!this.#lists.judge(address).admits) return "denied";
    return this.#clients === undefined || address === "" ? uncounted : this.#clients.enter(address);
  }

  /** Why {@link admit} would refuse this address now; undefined: it would not. Nothing is counted. */
  refusal(address: string): AddressRefusal | undefined {
    if (!this.#lists.judge(address).admits) return "denied";
    return address === "" ? undefined : this.#clients?.refusal(address);
  }

  release(place: number): void {
    if (place !== uncounted) this.#clients!.leave(place);
  }
}

/** A client of a unix socket has no address. A client of TCP without one has gone already. */
export const acceptsNameless = ({ bind }: Pick<PlacedListener, "bind">): boolean => bind.kind === "unix";
