import { systemDependencies } from "../discovery/dependencies.ts";
import { createDiscovery } from "../discovery/registry.ts";
import type { DiscoverySource } from "../discovery/source.ts";
import type { DiscoverySpec } from "../model/pool.ts";
import { loadBackends } from "../providers/toml/backends-file.ts";

/** The source that a pool's configuration asks for, on this system. It does nothing before it is watched. */
export function discover(spec: DiscoverySpec): DiscoverySource {
  return createDiscovery(spec, { ...systemDependencies, readBackends: loadBackends });
}
