import type { Backend } from "../../model/backend.ts";
import type { EndpointsDiscovery } from "../../model/pool.ts";
import type { Endpoints } from "./resources.ts";

/**
 * The backends of clusters that ask for them by name. They go from here to discovery, past the model: a change of one service
 * costs nothing for all others.
 */
export class EndpointBoard {
  readonly #known = new Map<string, Omit<Endpoints, "traits">>();
  readonly #followers = new Map<string, Set<() => void>>();

  /** Undefined: nothing has been heard of the service yet. */
  of({ service }: Omit<EndpointsDiscovery, "type">): readonly Backend[] | undefined {
    return this.#known.get(service)?.backends;
  }

  /** @param changed called whenever the service has other backends, until `signal` aborts. */
  follow(service: string, changed: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const followers = this.#followers.get(service) ?? new Set();
    this.#followers.set(service, followers.add(changed));
    const leave = (): void => {
      followers.delete(changed);
      if (followers.size === 0 && this.#followers.get(service) === followers) this.#followers.delete(service);
    };
    signal.addEventListener("abort", leave, { once: true });
  }

  /** @param endpoints undefined: nothing is known of the service any more. */
  set(service: string, endpoints: Omit<Endpoints, "traits"> | undefined): void {
    if (endpoints === undefined) this.#known.delete(service);
    else this.#known.set(service, endpoints);
    for (const changed of [...(this.#followers.get(service) ?? [])]) changed();
  }
}
