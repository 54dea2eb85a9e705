import type { Gateway, GatewayClass, ListenerSet } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import { byAge } from "./age.ts";
import { isAllowed } from "./selector.ts";
import { Spot } from "./spots.ts";
import type { TranslateOptions } from "./translation.ts";

/** A Gateway that is served, with what belongs to it. */
export interface ServedGateway {
  readonly gateway: Gateway;
  /** Its own, and those of its ListenerSets behind them. */
  readonly spots: readonly Spot[];
  /** The ListenerSets that it lets in, in their order, with the spots of each. */
  readonly sets: ReadonlyMap<ListenerSet, readonly Spot[]>;
  /** ListenerSets that name it and that it does not let in. */
  readonly refusedSets: readonly ListenerSet[];
  /** An address of its own; undefined: it shares the usual one, or there was none left. */
  readonly address: string | undefined;
  /** Why it can't be served at all; undefined: it can. */
  readonly fault:
    | { readonly reason: string; readonly message: string; readonly type: "Accepted" | "Programmed" }
    | undefined;
}

export const classesOf = (
  { gatewayClasses }: Pick<Cluster, "gatewayClasses">,
  { controllerName }: Pick<TranslateOptions, "controllerName">,
): readonly GatewayClass[] =>
  [...gatewayClasses.values()].filter(({ spec }) => spec.controllerName === controllerName);

/** The Gateways of the classes that are accepted, the oldest first. */
export function servedGateways(
  cluster: Cluster,
  options: TranslateOptions,
  classes: readonly GatewayClass[],
): readonly ServedGateway[] {
  const names = new Set(
    classes.filter(({ spec }) => spec.parametersRef === undefined).map(({ metadata }) => metadata.name),
  );
  const gateways = [...cluster.gateways.values()]
    .filter(({ spec }) => names.has(spec.gatewayClassName))
    .sort(byAge);
  const addresses = shareAddresses(gateways, options);
  const sets = Map.groupBy([...cluster.listenerSets.values()].sort(byAge), parentOf);
  return gateways.map((gateway) => {
    const address = addresses.get(gateway);
    const host = address ?? options.host;
    const named = sets.get(`${gateway.metadata.namespace}/${gateway.metadata.name}`) ?? [];
    const allowed = (set: ListenerSet): boolean =>
      isAllowed(
        { from: "None", ...gateway.spec.allowedListeners?.namespaces },
        gateway.metadata.namespace ?? "",
        set.metadata.namespace ?? "",
        cluster.namespaces,
      );
    const own = new Map(
      named
        .filter(allowed)
        .map((object) => [
          object,
          object.spec.listeners.map((spec) => new Spot(gateway, { kind: "ListenerSet", object }, spec, host)),
        ]),
    );
    return {
      gateway,
      spots: [
        ...gateway.spec.listeners.map(
          (spec) => new Spot(gateway, { kind: "Gateway", object: gateway }, spec, host),
        ),
        ...own.values().toArray().flat(),
      ],
      sets: own,
      refusedSets: named.filter((set) => !allowed(set)),
      address,
      fault: faultOf(gateway, address, options),
    };
  });
}

export function parentOf({ metadata, spec: { parentRef } }: ListenerSet): string {
  const {
    group = "gateway.networking.k8s.io",
    kind = "Gateway",
    namespace = metadata.namespace,
    name,
  } = parentRef;
  return group === "gateway.networking.k8s.io" && kind === "Gateway" ? `${namespace}/${name}` : "";
}

/**
 * Gives each Gateway an address of its own, where there are some to give: the one that it asks for, or that it has already
 * by its status, or the first that is free.
 */
function shareAddresses(
  gateways: readonly Gateway[],
  { addressPool }: TranslateOptions,
): ReadonlyMap<Gateway, string> {
  const given = new Map<Gateway, string>();
  const free = new Set(addressPool);
  const take = (gateway: Gateway, address: string | undefined): void => {
    if (address === undefined || !free.delete(address)) return;
    given.set(gateway, address);
  };
  const asking = (gateway: Gateway): boolean => requested(gateway).length > 0;
  for (const gateway of gateways.filter(asking))
    take(
      gateway,
      requested(gateway).find((address) => free.has(address)),
    );
  const others = gateways.filter((gateway) => !asking(gateway));
  for (const gateway of others)
    take(
      gateway,
      gateway.status?.addresses?.map(({ value = "" }) => value).find((address) => free.has(address)),
    );
  for (const gateway of others) if (!given.has(gateway)) take(gateway, free.values().next().value);
  return given;
}

/** The addresses that a Gateway asks for. */
export const requested = ({ spec }: Gateway): readonly string[] =>
  (spec.addresses ?? []).flatMap(({ type = "IPAddress", value = "" }) =>
    type === "IPAddress" && value !== "" ? [value] : [],
  );

function faultOf(
  gateway: Gateway,
  address: string | undefined,
  { addressPool, addresses }: TranslateOptions,
): ServedGateway["fault"] {
  const { spec } = gateway;
  if (spec.infrastructure?.parametersRef !== undefined)
    return {
      type: "Accepted",
      reason: "InvalidParameters",
      message: "umay has no parameters for Gateways; remove spec.infrastructure.parametersRef",
    };
  const foreign = (spec.addresses ?? []).find(
    ({ type = "IPAddress" }) => type !== "IPAddress" && type !== "Hostname",
  );
  if (foreign !== undefined)
    return {
      type: "Accepted",
      reason: "UnsupportedAddress",
      message: `umay knows no addresses of type ${foreign.type}; use IPAddress or Hostname`,
    };
  const known = new Set([...addressPool, ...addresses.map(({ value }) => value)]);
  const unknown = (spec.addresses ?? []).find(({ value = "" }) => value !== "" && !known.has(value));
  if (unknown !== undefined)
    return {
      type: "Programmed",
      reason: "AddressNotUsable",
      message: `${unknown.value} is no address of umay's: it has ${[...known].join(", ") || "none"}`,
    };
  if (addressPool.length > 0 && address === undefined)
    return {
      type: "Programmed",
      reason: "AddressNotAssigned",
      message: "every address of the pool is taken by another Gateway",
    };
  return undefined;
}
