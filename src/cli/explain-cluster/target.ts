import { err, ok, type Result } from "../../lib/result.ts";
import { didYouMean } from "../../lib/suggest.ts";
import type { KubernetesSettings } from "../../model/kubernetes.ts";
import type { Listener } from "../../model/listener.ts";
import type { Gateway } from "../../providers/kubernetes/gateway-api.ts";
import type { Look } from "../../providers/kubernetes/look.ts";
import type { GatewayStatus } from "../../providers/kubernetes/translate/translation.ts";

/** An object by which clients come in. */
export interface Target {
  readonly kind: "Gateway" | "Ingress";
  /** `namespace/name`. */
  readonly key: string;
}

/** Reads `gateway/name`, `gateway/namespace/name`, or the same of an Ingress. */
export function readTarget(text: string, namespace: string): Result<Target, string> {
  const [, word, place = namespace, name] = /^(gateway|ingress)\/(?:([^/]+)\/)?([^/]+)$/i.exec(text) ?? [];
  if (word === undefined) return err(`expected gateway/name or ingress/name, not "${text}"`);
  return ok({ kind: word.toLowerCase() === "gateway" ? "Gateway" : "Ingress", key: `${place}/${name}` });
}

/** A Gateway's or an Ingress's way in. */
interface Ways {
  readonly host: string;
  readonly ports: ReadonlySet<number>;
}

/**
 * The listeners of umay's by which clients of an object come in, or why there are none.
 * @param named a listener of a Gateway; undefined: any.
 */
export function listenersOf(
  { kind, key }: Target,
  look: Look,
  settings: KubernetesSettings,
  named: string | undefined,
): Result<readonly Listener[], string> {
  const { cluster, translation } = look;
  const all = kind === "Gateway" ? cluster.gateways : cluster.ingresses;
  if (!all.has(key)) return err(`there is no ${kind} ${key}${hintFor(key, [...all.keys()])}`);
  const status = translation.statuses.get(`${kind}/${key}`)?.status;
  if (status === undefined) return err(`${kind} ${key} is of a class that this umay does not serve`);
  const ways =
    kind === "Gateway"
      ? waysOf(cluster.gateways.get(key)!, status as GatewayStatus, look, settings, named)
      : ok({ host: settings.host, ports: new Set(Object.values(settings.ingressPorts)) });
  if (!ways.ok) return ways;
  const { host, ports } = ways.value;
  const found = translation.model.listeners.filter(
    ({ bind }) => bind.kind === "tcp" && bind.host === host && ports.has(bind.port),
  );
  return found.length > 0 ? ok(found) : err(`${kind} ${key} is not served at ${[...ports].join(", ")}`);
}

/** At the Gateway's own address, where it has one; its ListenerSets' listeners are its own. */
function waysOf(
  { metadata, spec }: Gateway,
  { addresses }: GatewayStatus,
  { cluster }: Look,
  { addressPool, host }: KubernetesSettings,
  named: string | undefined,
): Result<Ways, string> {
  const sets = [...cluster.listenerSets.values()].filter(
    ({ metadata: { namespace }, spec: { parentRef } }) =>
      parentRef.name === metadata.name && (parentRef.namespace ?? namespace) === metadata.namespace,
  );
  const all = [...spec.listeners, ...sets.flatMap((set) => set.spec.listeners)];
  const wanted = named === undefined ? all : all.filter(({ name }) => name === named);
  if (wanted.length === 0)
    return err(
      `the Gateway has no listener "${named}"${hintFor(
        named!,
        all.map(({ name }) => name),
      )}`,
    );
  const own = addressPool.length === 0 ? host : (addresses[0]?.value ?? host);
  return ok({ host: own, ports: new Set(wanted.map(({ port }) => port)) });
}

function hintFor(word: string, known: readonly string[]): string {
  const hint = didYouMean(word, known) ?? (known.length === 0 ? undefined : `there is ${known.join(", ")}`);
  return hint === undefined ? "" : `; ${hint}`;
}
