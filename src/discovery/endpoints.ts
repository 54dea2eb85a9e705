import { err, ok, type Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";
import type { EndpointsDiscovery } from "../model/pool.ts";
import { sameBackends } from "./backends.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";

/** The endpoints of a Service, as whoever follows the cluster knows them. */
export function createEndpointsSource(
  spec: EndpointsDiscovery,
  { endpoints }: DiscoveryDependencies,
): DiscoverySource {
  return { watch: (signal) => watch(spec, endpoints, signal) };
}

async function* watch(
  spec: EndpointsDiscovery,
  endpoints: DiscoveryDependencies["endpoints"],
  signal: AbortSignal,
): AsyncGenerator<Result<readonly Backend[], DiscoveryError>> {
  if (signal.aborted) return;
  let served: readonly Backend[] | undefined;
  let told: string | undefined;
  let news = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => news.resolve(), { once: true });
  const present = endpoints(spec, () => news.resolve(), signal);
  while (!signal.aborted) {
    news = Promise.withResolvers();
    const found = present();
    const missing = served === undefined ? missingIn(found) : undefined;
    if (missing === undefined && found !== undefined) {
      if (served === undefined || !sameBackends(found, served)) yield ok(found);
      served = found;
    } else if (missing !== told) {
      told = missing;
      yield err({ message: `Service ${spec.service}: ${missing}`, serving: "nothing" });
    }
    await news.promise;
  }
}

/** Why there is no first set. */
function missingIn(found: readonly Backend[] | undefined): string | undefined {
  if (found === undefined) return "its endpoints are not known yet";
  return found.length === 0 ? "it has no endpoint that is ready" : undefined;
}
