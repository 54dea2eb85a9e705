import { type FollowEndpoints, systemDependencies } from "../discovery/dependencies.ts";
import { createDiscovery } from "../discovery/registry.ts";
import type { DiscoverySource } from "../discovery/source.ts";
import type { DiscoverySpec } from "../model/pool.ts";
import type { Provider } from "../providers/provider.ts";
import { loadBackends } from "../providers/toml/backends-file.ts";

export type Discover = (spec: DiscoverySpec) => DiscoverySource;

const discoverBy =
  (endpoints: FollowEndpoints): Discover =>
  (spec) =>
    createDiscovery(spec, { ...systemDependencies, readBackends: loadBackends, endpoints });

/** The source that a pool's configuration asks for, on this system. It does nothing before it is watched. */
export const discover: Discover = discoverBy(() => () => undefined);

/** As {@link discover}, also for pools whose backends a provider follows. */
export const discoverFor = (provider: Pick<Provider, "endpoints">): Discover =>
  provider.endpoints === undefined ? discover : discoverBy(provider.endpoints.bind(provider));
