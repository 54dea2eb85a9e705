import { AddressLists, type Ranges, rangeWith } from "../address-lists.ts";

/** The clients whose requests a route takes, by the client's address. */
export class Access {
  readonly #lists: AddressLists;

  constructor(ranges: Ranges) {
    this.#lists = new AddressLists(ranges, true);
  }

  /** @param client empty for a unix socket's client, which no range holds: it is admitted. */
  admits(client: string): boolean {
    return this.#lists.judge(client).admits;
  }
}

/** The rule that decides, as the configuration has it: `deny 10.0.0.0/8`; for explanations. */
export function accessRule(ranges: Ranges, client: string): string {
  const { list, listed } = new AddressLists(ranges, true).judge(client);
  if (list === undefined && ranges.allow.length === 0) return "no allow or deny";
  if (list === undefined || client === "") return "its client has no address";
  return listed ? `${list} ${rangeWith(ranges[list], client)}` : `in no ${list}`;
}
