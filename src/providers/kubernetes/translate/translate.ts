import { loadRegexes } from "../../../lib/regex.ts";
import { Slices } from "../../../lib/slices.ts";
import type { Cluster } from "../objects.ts";
import { BackendTls } from "./backend-tls.ts";
import { Backends } from "./backends.ts";
import { problem } from "./conditions.ts";
import { noteConflicts } from "./conflicts.ts";
import { Filling } from "./filling.ts";
import { classesOf, servedGateways } from "./gateways.ts";
import { Grants } from "./grants.ts";
import { serveIngresses } from "./ingress/ingress.ts";
import { Pools } from "./pools.ts";
import { withoutPlace } from "./room.ts";
import { Said } from "./said.ts";
import { Secrets } from "./secrets.ts";
import { soundCluster } from "./sound.ts";
import { placeText, type Spot } from "./spots.ts";
import {
  classStatus,
  gatewayStatus,
  ingressStatus,
  listenerSetStatus,
  policyStatus,
  refusedSetStatus,
} from "./statuses.ts";
import { ClientCertificates, loadListenerTls } from "./tls.ts";
import type { TranslateOptions, Translation } from "./translation.ts";
import { Trial } from "./trial.ts";

/**
 * Makes a model of a cluster's objects, and what is to be said of them. Of many it takes a while, in which others have their
 * turn: what changes meanwhile is not in it.
 */
export async function translate(present: Cluster, options: TranslateOptions): Promise<Translation> {
  const said = new Said(options.controllerName);
  const cluster = soundCluster(present, said);
  const slices = new Slices();
  const regexes = await loadRegexes();
  const secrets = new Secrets(cluster);
  const grants = new Grants(cluster);
  const classes = classesOf(cluster, options);
  const gateways = servedGateways(cluster, options, classes);
  const spots = gateways.filter(({ fault }) => fault === undefined).flatMap((served) => served.spots);
  noteRefusals(spots, options);
  const parts = {
    grants,
    pools: new Pools(options.defaults.pool),
    tls: await BackendTls.of(cluster, secrets),
    certificates: await ClientCertificates.of(gateways, secrets, grants),
  };
  const ingresses = await serveIngresses(cluster, {
    ...parts,
    options,
    secrets,
    regexes,
    slices,
    tell: said.tell,
  });
  const taken = ingresses.filled.map(({ spot }) => placeText(spot.place));
  for (const [spot, why] of withoutPlace(spots, taken)) spot.refusal ??= why;
  await noteConflicts([...spots, ...ingresses.filled.map(({ spot }) => spot)], slices);
  await loadListenerTls(spots, secrets, grants);
  const filling = new Filling(cluster, gateways, new Backends(cluster, parts), {
    options,
    regexes,
    said,
    slices,
    pools: parts.pools,
    trial: await Trial.with(options.compiler, parts.pools),
  });
  await filling.requests();
  await filling.streams();
  const places = await filling.places(ingresses.filled);
  await filling.tell(places.flatMap(({ overlaps }) => overlaps));
  for (const each of classes) said.put("GatewayClass", each, classStatus(each, options));
  for (const served of gateways) {
    const clientCertificate = parts.certificates.problemOf(served.gateway);
    said.put("Gateway", served.gateway, gatewayStatus(served, { clientCertificate }, options));
    for (const [set, own] of served.sets) {
      await slices.next();
      said.put("ListenerSet", set, listenerSetStatus(served, set, own));
    }
    for (const set of served.refusedSets) said.put("ListenerSet", set, refusedSetStatus(set));
  }
  for (const judged of parts.tls.all)
    if (judged.gateways.size > 0)
      said.put("BackendTLSPolicy", judged.policy, policyStatus(judged, options.controllerName));
  for (const ingress of ingresses.all) said.put("Ingress", ingress, ingressStatus(options));
  return {
    model: {
      listeners: places.map(({ listener }) => listener),
      routeTables: places.flatMap(({ tables }) => tables),
      pools: parts.pools.used(filling.poolsUsed),
    },
    statuses: said.statuses,
    events: said.events,
    secretsWanted: secrets.secretsWanted,
    configMapsWanted: secrets.configMapsWanted,
  };
}

/** Listeners that can't be served, whatever the others are. */
function noteRefusals(spots: readonly Spot[], { unavailablePorts }: TranslateOptions): void {
  for (const spot of spots) {
    const unavailable = unavailablePorts.get(spot.place.port);
    if (spot.protocol === undefined)
      spot.refusal = problem("UnsupportedProtocol", `umay has no listeners for ${spot.spec.protocol}`);
    else if (unavailable !== undefined) spot.refusal = problem("PortUnavailable", unavailable);
  }
}
