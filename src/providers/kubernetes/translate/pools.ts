import { canonicalAddress, formatAddress, type SocketAddress } from "../../../lib/address.ts";
import type { Pool, PoolTls } from "../../../model/pool.ts";
import type { Service, ServicePort } from "../core.ts";

/** How the backends of a Service's port are spoken to, and how they are chosen. */
export interface PoolSettings {
  /** Tells apart what differs for the same port; empty: the usual. In a few words. */
  readonly variant: string;
  readonly version: Pool["http"]["version"];
  readonly tls: PoolTls | undefined;
  /** Anything else that is not as usual. */
  readonly change?: (pool: Pool) => Pool;
}

/** The pools that routes lead to: one for each port of a Service, and for each way in which it is asked. */
export class Pools {
  readonly #usual: Pool;
  readonly #made = new Map<string, Pool>();

  constructor(usual: Pool) {
    this.#usual = usual;
  }

  /** @returns its name: `namespace/service:port`, with the variant behind it. */
  of(service: Service, port: ServicePort, settings: PoolSettings): string {
    const { namespace, name } = service.metadata;
    const { variant } = settings;
    const pool = `${namespace}/${name}:${port.port}${variant === "" ? "" : ` ${variant}`}`;
    if (!this.#made.has(pool)) this.#made.set(pool, this.#make(pool, service, port, settings));
    return pool;
  }

  /** A pool of whatever has a name, which is looked up, or an IP address; on another machine. */
  external(host: string, port: number, { variant, version, tls }: PoolSettings): string {
    const target: SocketAddress = canonicalAddress({ kind: "tcp", host, port });
    const address = formatAddress(target);
    const name = `${address}${variant === "" ? "" : ` ${variant}`}`;
    if (!this.#made.has(name))
      this.#made.set(name, {
        ...this.#usual,
        name,
        discovery: {
          type: "static",
          backends: [{ address, target, weight: 1, tier: 0, hostName: host }],
          elsewhere: true,
        },
        http: { ...this.#usual.http, version },
        tls,
      });
    return name;
  }

  /** A pool that cannot be had. @param name of what is missing. @param why for the log and for clients. */
  invalid(name: string, why: string): string {
    const pool = `${name} (invalid)`;
    if (!this.#made.has(pool))
      this.#made.set(pool, {
        ...this.#usual,
        name: pool,
        discovery: { type: "static", backends: [] },
        invalid: why,
      });
    return pool;
  }

  /** Those of these names, sorted by them, so that the same cluster gives the same model. */
  used(names: ReadonlySet<string>): readonly Pool[] {
    return [...this.#made.values()]
      .filter(({ name }) => names.has(name))
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  #make(name: string, service: Service, port: ServicePort, { version, tls, change }: PoolSettings): Pool {
    const { namespace, name: own } = service.metadata;
    const pool: Pool = {
      ...this.#usual,
      name,
      // An endpoint that goes is no other configuration.
      discovery: { type: "endpoints", service: `${namespace}/${own}`, port: port.name ?? "" },
      http: { ...this.#usual.http, version },
      tls,
    };
    return change === undefined ? pool : change(pool);
  }
}
