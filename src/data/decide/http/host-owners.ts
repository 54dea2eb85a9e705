import type { ServedNames } from "../../../model/http/front.ts";

/** Says of a host whether it belongs to the chain of its connection, or to another one of the listener. */
export class HostOwners {
  /** By name, and by what follows `*.`; whether it is another chain's. */
  readonly #exact = new Map<string, boolean>();
  readonly #wildcards = new Map<string, boolean>();
  #any: boolean | undefined;

  constructor({ own, others }: ServedNames) {
    for (const name of others) this.#add(name, true);
    for (const name of own) this.#add(name, false);
  }

  #add(name: string, elsewhere: boolean): void {
    if (name === "*") this.#any = elsewhere;
    else if (name.startsWith("*.")) this.#wildcards.set(name.slice(2), elsewhere);
    else this.#exact.set(name, elsewhere);
  }

  /** The most specific name decides. @param host in lower case, without port. */
  isElsewhere(host: string): boolean {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      const wildcard = this.#wildcards.get(host.slice(dot + 1));
      if (wildcard !== undefined) return wildcard;
    }
    return this.#any ?? false;
  }
}
