import { isDeepStrictEqual } from "node:util";
import { problem } from "./conditions.ts";
import { covers } from "./hosts.ts";
import { frontendTls, placeText, type Spot } from "./spots.ts";

/**
 * Notes conflicts between listeners of the same place ("Distinct Listeners" of Gateway API): in one Gateway all of those that
 * can't be told apart; between the Gateway and its ListenerSets, and between Gateways that share a place, those behind the
 * first.
 * @param spots in the order in which they have precedence.
 */
export function noteConflicts(spots: readonly Spot[]): void {
  for (const own of Map.groupBy(spots, ({ place }) => placeText(place)).values()) {
    const kept: Spot[] = [];
    for (const group of Map.groupBy(own, ({ owner }) => owner.object).values()) {
      for (const spot of group) {
        const other = kept.find((each) => isIndistinct(each, spot));
        if (other !== undefined && spot.refusal === undefined) tell(spot, other);
      }
      noteWithin(group.filter(({ isAccepted }) => isAccepted));
      kept.push(...group.filter(({ isAccepted }) => isAccepted));
    }
    noteOverlaps(kept);
  }
}

function noteWithin(group: readonly Spot[]): void {
  for (const spot of group) {
    const other = group.find((each) => each !== spot && isInconsistent(each, spot));
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

const isInconsistent = (left: Spot, right: Spot): boolean =>
  layerOf(left) !== layerOf(right) || left.protocol === "TCP" || left.hostname === right.hostname;

/** Of different Gateways, listeners for HTTP with the same hostname are served as one, if they treat clients alike. */
function isIndistinct(left: Spot, right: Spot): boolean {
  if (left.gateway === right.gateway) return isInconsistent(left, right);
  if (layerOf(left) !== layerOf(right) || left.protocol === "TCP") return true;
  if (left.hostname !== right.hostname) return false;
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
  for (const spot of ending) {
    const other = ending.find(
      (each) =>
        each !== spot &&
        each.hostname !== spot.hostname &&
        (covers(each.hostname, spot.hostname) || covers(spot.hostname, each.hostname)),
    );
    if (other !== undefined)
      spot.overlap = problem(
        "OverlappingHostnames",
        `listener ${other.spec.name} on the same port takes some of the same names`,
      );
  }
}
