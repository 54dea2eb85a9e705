import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesSettings } from "../../model/kubernetes.ts";
import { type Defaults, readDefaults } from "../toml/defaults.ts";
import { addressesOf } from "./addresses.ts";
import { readAccess } from "./client/access.ts";
import { Api } from "./client/api.ts";
import type { Cluster } from "./objects.ts";
import { ClusterSource } from "./source.ts";
import { translate } from "./translate/translate.ts";
import type { Translation } from "./translate/translation.ts";
import type { Compiler } from "./translate/trial.ts";

/** How long a cluster may take to tell everything, in milliseconds. */
const patience = 30_000;
/** Objects that others name are read until there are no new ones, at most so many times. */
const mostRounds = 3;

/** A cluster as it is now, with all that umay would make of it. */
export interface Look extends Disposable {
  /** The API server's URL. */
  readonly server: string;
  /** Of objects that are named without one. */
  readonly namespace: string;
  readonly cluster: Cluster;
  /** Every port counts as free. */
  readonly translation: Translation;
  /** Each thing that could not be read, with the reason. */
  readonly gaps: readonly string[];
  /** As providers have it. */
  readonly endpoints: ClusterSource["endpoints"];
}

/**
 * Reads a cluster once, and writes nothing.
 * @param compiler tries rules.
 * @throws Error where it is not known how to get there, or the API server does not answer in time.
 */
export async function lookAt(
  settings: KubernetesSettings,
  env: NodeJS.ProcessEnv,
  compiler: Compiler,
): Promise<Look> {
  const api = new Api(await readAccess(settings.kubeconfig, env));
  // Of a source, problems are no ends: it would try again.
  await api
    .json({ method: "GET", path: "/version", signal: new AbortController().signal })
    .catch((cause: Error) => {
      api.close();
      throw new Error(`the API server ${api.server} does not answer: ${cause.message}`, { cause });
    });
  const gaps: string[] = [];
  const source = new ClusterSource({
    api,
    settings: { ...settings, status: false },
    logger: {
      info: () => {},
      warn: (fields) => {
        const { what, cause } = fields as { readonly what: string; readonly cause: string };
        gaps.push(`${what} could not be read: ${cause}`);
      },
    },
    changed: () => {},
    status: () => {},
    refusalsBelieved: 1,
  });
  try {
    const defaults = await readDefaults(env, false);
    const translation = await readWhole(source, settings, { defaults, compiler });
    const { cluster } = source.cache;
    return {
      server: api.server,
      namespace: api.namespace,
      cluster,
      translation,
      gaps,
      endpoints: source.endpoints.bind(source),
      [Symbol.dispose]: () => source.stop(),
    };
  } catch (error) {
    source.stop();
    throw error;
  }
}

async function readWhole(
  source: ClusterSource,
  settings: KubernetesSettings,
  means: { readonly defaults: Defaults; readonly compiler: Compiler },
): Promise<Translation> {
  const deadline = sleep(patience, undefined, { ref: false });
  for (let round = 1; ; round++) {
    await Promise.race([source.completed, deadline]);
    if (!source.complete)
      throw new Error(`the API server did not tell everything within ${patience / 1_000} s`);
    const { cluster } = source.cache;
    const translation = await translate(cluster, {
      ...settings,
      controllerName: settings.gatewayController,
      addresses: addressesOf(settings, cluster),
      ...means,
      unavailablePorts: new Map(),
    });
    const isNew = source.want(translation.secretsWanted, translation.configMapsWanted);
    if (!isNew || round >= mostRounds) return translation;
  }
}
