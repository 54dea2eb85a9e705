import { renewBackendAuthorities, renewCertificate } from "../../material/renew.ts";
import type { PoolTls } from "../../model/pool.ts";
import type { XdsSettings } from "../../model/xds.ts";
import { certificateOptions } from "../../tls/backend.ts";
import type { ProviderLogger } from "../provider.ts";
import { readDefaults } from "../toml/defaults.ts";
import { CacheFile } from "./cache.ts";
import { Driven } from "./driven.ts";
import type { EndpointBoard } from "./endpoints.ts";
import { ads } from "./origins.ts";
import { serverAt } from "./servers.ts";
import { XdsSource } from "./source.ts";

export interface TomlSurroundings {
  /** Where relative paths start. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: ProviderLogger;
  readonly board: EndpointBoard;
}

/** The control plane of a table `[xds]`. It is not asked yet. */
export async function drivenBy(
  { servers, tls, protocol, cache, node, ...settings }: XdsSettings,
  { directory, env, logger, board }: TomlSurroundings,
): Promise<Driven> {
  const defaults = await readDefaults({}, false);
  const nowhere = (): undefined => undefined;
  const renewed = tls && renewing(tls);
  const source = new XdsSource({
    ...settings,
    mapping: {
      defaults,
      directory,
      env,
      report: nowhere,
      isDynamic: true,
      cluster: node.cluster,
      secret: nowhere,
      routes: nowhere,
      endpoints: nowhere,
    },
    node,
    ads: { servers: servers.map((server) => serverAt(server, renewed)), protocol },
    roots: { cluster: ads, listener: ads },
    serversOf: () => [],
    cache: cache && new CacheFile(cache, node),
    board,
    logger,
  });
  return new Driven(source, defaults.pool, logger);
}

/** Gives the present content of files; what can't be used leaves what was there before. */
function renewing(first: PoolTls): () => Promise<PoolTls> {
  let now = first;
  return async () => {
    const ca = now.ca && (await renewBackendAuthorities(now.ca));
    const certificate =
      now.certificate && (await renewCertificate(now.certificate, "backends", certificateOptions));
    now = {
      ...now,
      ...(ca !== undefined && "value" in ca && { ca: ca.value }),
      ...(certificate !== undefined && "value" in certificate && { certificate: certificate.value }),
    };
    return now;
  };
}
