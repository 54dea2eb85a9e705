import type { DiscoverySpec } from "../model/pool.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";
import { createDnsSource } from "./dns.ts";
import { createEndpointsSource } from "./endpoints.ts";
import { createFileSource } from "./file.ts";
import type { DiscoverySource } from "./source.ts";
import { createStaticSource } from "./static.ts";

type Create<S> = (spec: S, dependencies: DiscoveryDependencies) => DiscoverySource;

/** One line for each type of discovery; a type of the model without one does not compile. */
const sources: { readonly [S in DiscoverySpec as S["type"]]: Create<S> } = {
  static: createStaticSource,
  dns: createDnsSource,
  file: createFileSource,
  endpoints: createEndpointsSource,
};

/** @returns the source that a pool's configuration asks for. It does nothing before it is watched. */
export function createDiscovery(spec: DiscoverySpec, dependencies: DiscoveryDependencies): DiscoverySource {
  // The compiler can't see that the entry found by a spec's type takes that spec.
  const create = sources[spec.type] as Create<DiscoverySpec>;
  return create(spec, dependencies);
}
