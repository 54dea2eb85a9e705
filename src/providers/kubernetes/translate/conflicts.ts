import { isDeepStrictEqual } from "node:util";
import type { Slices } from "../../../lib/slices.ts";
import type { Gateway } from "../gateway-api.ts";
import { problem } from "./conditions.ts";
import { wider } from "./hosts.ts";
import { frontendTls, placeText, type Spot } from "./spots.ts";

/**
 * Notes conflicts between listeners of the same place ("Distinct Listeners" of Gateway API): in one Gateway all of those that
 * can't be told apart; between the Gateway and its ListenerSets, and between Gateways that share a place, those behind the
 * first.
 * @param spots in the order in which they have precedence.
 */
export async function noteConflicts(spots: readonly Spot[], slices: Slices): Promise<void> {
  for (const own of Map.groupBy(spots, ({ place }) => placeText(place)).values()) {
    const kept = new Kept();
    for (const group of Map.groupBy(own, ({ owner }) => owner.object).values()) {
      await slices.next();
      for (const spot of group) {
        const other = kept.indistinctFrom(spot);
        if (other !== undefined && spot.refusal === undefined) tell(spot, other);
      }
      noteWithin(group.filter(({ isAccepted }) => isAccepted));
      for (const spot of group) if (spot.isAccepted) kept.add(spot);
    }
    noteOverlaps(kept.all);
  }
}

/** Listeners of one place that do not contradict each other: asking for one that another contradicts costs the same for many. */
class Kept {
  readonly all: Spot[] = [];
  /** The first of each layer, and of each hostname in each Gateway. */
  readonly #layers = new Map<string, Spot>();
  readonly #hosts = new Map<string, Map<Gateway, Spot>>();

  add(spot: Spot): void {
    const { hostname, gateway } = spot;
    this.all.push(spot);
    if (!this.#layers.has(layerOf(spot))) this.#layers.set(layerOf(spot), spot);
    const own = this.#hosts.get(hostname) ?? new Map<Gateway, Spot>();
    this.#hosts.set(hostname, own);
    if (!own.has(gateway)) own.set(gateway, spot);
  }

  indistinctFrom(spot: Spot): Spot | undefined {
    const otherLayer = firstBeside(this.#layers, layerOf(spot));
    if (otherLayer !== undefined) return otherLayer;
    const own = this.#hosts.get(spot.hostname);
    // Those of several Gateways are alike.
    const other = own?.get(spot.gateway) ?? own?.values().next().value;
    return other !== undefined && isIndistinct(other, spot) ? other : undefined;
  }
}

const firstBeside = (layers: ReadonlyMap<string, Spot>, layer: string): Spot | undefined =>
  layers.entries().find(([each]) => each !== layer)?.[1];

/** In one Gateway each layer is alone, and so is each hostname; TCP has but one. */
function noteWithin(group: readonly Spot[]): void {
  const layers = new Map(group.map((spot) => [layerOf(spot), spot]));
  const hosts = Map.groupBy(group, ({ hostname }) => hostname);
  for (const spot of group) {
    const other =
      firstBeside(layers, layerOf(spot)) ?? hosts.get(spot.hostname)?.find((each) => each !== spot);
    if (other !== undefined) tell(spot, other);
  }
}

function tell(spot: Spot, other: Spot): void {
  const isHostname = layerOf(spot) === layerOf(other) && spot.protocol === other.protocol;
  const [reason, what] = isHostname
    ? ["HostnameConflict", "hostname"]
    : ["ProtocolConflict", `protocol ${spot.protocol}`];
  spot.conflict = problem(
    reason,
    `port ${spot.place.port} is taken by listener ${other.spec.name}, from which its ${what} does not tell it apart`,
  );
}

/** The first protocol of a client: it tells plain HTTP, TLS and anything else apart. */
const layerOf = ({ protocol }: Spot): string => (protocol === "HTTPS" ? "TLS" : (protocol ?? ""));

/** Of different Gateways, listeners for HTTP with the same hostname are served as one, if they treat clients alike. */
function isIndistinct(left: Spot, right: Spot): boolean {
  if (left.gateway === right.gateway || left.protocol === "TCP") return true;
  // One of them would let in the clients that the other one asks for certificates.
  if (left.terminates && !isDeepStrictEqual(askedOf(left), askedOf(right))) return true;
  return left.protocol !== right.protocol || left.passthrough !== right.passthrough;
}

/** The certificates that clients are asked for. The same reference means another object in another namespace. */
export function askedOf(spot: Spot): unknown {
  const { validation } = frontendTls(spot) ?? {};
  const own = spot.gateway.metadata.namespace ?? "";
  const references = validation?.caCertificateRefs.map(
    ({ group = "", kind = "ConfigMap", name, namespace = own }) => [group, kind, namespace, name],
  );
  // Those of an Ingress are known already.
  return [references, validation?.mode ?? "AllowValidOnly", spot.clientAuth];
}

/** TLS listeners of which one takes names of the other: a client that uses a connection again may be at the wrong one. */
function noteOverlaps(spots: readonly Spot[]): void {
  const ending = spots.filter(({ terminates }) => terminates);
  const at = new Map(ending.map((spot) => [spot.hostname, spot]));
  const below = new Map(ending.flatMap((spot) => wider(spot.hostname).map((name) => [name, spot] as const)));
  for (const spot of ending) {
    const name = wider(spot.hostname).find((each) => at.has(each));
    const other = name === undefined ? below.get(spot.hostname) : at.get(name);
    if (other !== undefined)
      spot.overlap = problem(
        "OverlappingHostnames",
        `listener ${other.spec.name} on the same port takes some of the same names`,
      );
  }
}
