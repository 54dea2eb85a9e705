import type { StaticDiscovery } from "../model/pool.ts";
import { ConfiguredBackends } from "./configured.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";
import type { DiscoverySource } from "./source.ts";

/** The backends of the configuration, in its order. */
export function createStaticSource(
  { backends, everyAddress, elsewhere }: StaticDiscovery,
  dependencies: DiscoveryDependencies,
): DiscoverySource {
  return {
    watch: (signal) => new ConfiguredBackends(dependencies, everyAddress, elsewhere).watch(backends, signal),
  };
}
