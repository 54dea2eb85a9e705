import type { GatewayAddress, GatewayClass, ListenerSet, RouteKind } from "../gateway-api.ts";
import type { Condition } from "../meta.ts";
import type { AnyRoute, Attempted } from "./attach.ts";
import type { JudgedPolicy } from "./backend-tls.ts";
import { conditionsOf, messages, type Problem } from "./conditions.ts";
import { featuresOf } from "./features.ts";
import type { ServedGateway } from "./gateways.ts";
import { type Overlap, takenBy } from "./overlaps.ts";
import type { Spot } from "./spots.ts";
import type {
  GatewayClassStatus,
  GatewayStatus,
  IngressStatus,
  ListenerSetStatus,
  ListenerStatus,
  PolicyStatus,
  RouteStatus,
  TranslateOptions,
} from "./translation.ts";

/*
 * Conditions of Gateway API, as they are once the model is served. Their reasons are the API's own.
 */

export function classStatus(gatewayClass: GatewayClass, options: TranslateOptions): GatewayClassStatus {
  const condition = conditionsOf(gatewayClass);
  const accepted =
    gatewayClass.spec.parametersRef === undefined
      ? condition("Accepted", true, "Accepted", "umay serves Gateways of this class")
      : condition("Accepted", false, "InvalidParameters", "umay has no parameters for classes");
  return {
    conditions: [accepted],
    supportedFeatures: featuresOf(options).map((name) => ({ name })),
  };
}

const gatewayGroup = "gateway.networking.k8s.io";

function listenerStatus(spot: Spot, isProgrammed: boolean): ListenerStatus {
  const condition = conditionsOf(spot.owner.object);
  const { conflict, refusal, unresolved, overlap } = spot;
  const [unresolvedFirst] = unresolved;
  const programmed = spot.isServed && isProgrammed;
  const conditions: Condition[] = [
    conflict !== undefined
      ? condition("Accepted", false, conflict.reason, conflict.message)
      : refusal !== undefined
        ? condition("Accepted", false, refusal.reason, refusal.message)
        : condition("Accepted", true, "Accepted", "the listener is valid"),
    programmed
      ? condition("Programmed", true, "Programmed", "it accepts connections")
      : condition("Programmed", false, conflict?.reason ?? "Invalid", whyNotServed(spot)),
    unresolvedFirst === undefined
      ? condition("ResolvedRefs", true, "ResolvedRefs", "all of its references were found")
      : condition("ResolvedRefs", false, unresolvedFirst.reason, messages(unresolved)),
    conflict === undefined
      ? condition("Conflicted", false, "NoConflicts", "no other listener is in its way")
      : condition("Conflicted", true, conflict.reason, conflict.message),
  ];
  if (overlap !== undefined)
    conditions.push(condition("OverlappingTLSConfig", true, overlap.reason, overlap.message));
  return {
    name: spot.spec.name,
    supportedKinds: spot.kinds.map((kind): RouteKind => ({ group: gatewayGroup, kind })),
    attachedRoutes: spot.attached,
    conditions,
  };
}

function whyNotServed({ conflict, refusal, unresolved }: Spot): string {
  if (conflict !== undefined) return conflict.message;
  if (refusal !== undefined) return refusal.message;
  return unresolved.length > 0 ? messages(unresolved) : "its Gateway is not served";
}

/** Faults in a Gateway's references that belong to none of its listeners. */
export interface GatewayFaults {
  readonly clientCertificate: Problem | undefined;
}

export function gatewayStatus(
  served: ServedGateway,
  { clientCertificate }: GatewayFaults,
  options: TranslateOptions,
): GatewayStatus {
  const { gateway, spots, sets, fault } = served;
  const condition = conditionsOf(gateway);
  const own = spots.filter(({ owner }) => owner.kind === "Gateway");
  const addresses = addressesOf(served, options);
  const isAccepted = fault?.type !== "Accepted" && spots.some((spot) => spot.isAccepted);
  const bad = own.filter((spot) => !spot.isAccepted);
  const isProgrammed = fault === undefined && spots.some(({ isServed }) => isServed) && addresses.length > 0;
  const conditions: Condition[] = [
    fault?.type === "Accepted"
      ? condition("Accepted", false, fault.reason, fault.message)
      : bad.length > 0
        ? condition("Accepted", isAccepted, "ListenersNotValid", `not valid: ${namesOf(bad)}`)
        : condition("Accepted", true, "Accepted", "the Gateway is served by umay"),
    programmedCondition(condition, { fault, isProgrammed, addresses }),
    resolvedCondition(condition, own, clientCertificate),
  ];
  if (isInsecure(served))
    conditions.push(
      condition(
        "InsecureFrontendValidationMode",
        true,
        "ConfigurationChanged",
        "clients without a certificate are let in: AllowInsecureFallback",
      ),
    );
  return {
    addresses,
    conditions,
    listeners: own.map((spot) => listenerStatus(spot, fault === undefined)),
    attachedListenerSets: sets.values().reduce((sum, own) => sum + (isSetAccepted(served, own) ? 1 : 0), 0),
  };
}

const namesOf = (spots: readonly Spot[]): string => spots.map(({ spec }) => spec.name).join(", ");

function programmedCondition(
  condition: ReturnType<typeof conditionsOf>,
  {
    fault,
    isProgrammed,
    addresses,
  }: {
    readonly fault: ServedGateway["fault"];
    readonly isProgrammed: boolean;
    readonly addresses: readonly GatewayAddress[];
  },
): Condition {
  if (fault?.type === "Programmed") return condition("Programmed", false, fault.reason, fault.message);
  if (isProgrammed) return condition("Programmed", true, "Programmed", "it accepts connections");
  if (fault === undefined && addresses.length === 0)
    return condition(
      "Programmed",
      false,
      "AddressNotAssigned",
      "no address is known yet at which clients reach umay",
    );
  return condition("Programmed", false, "Invalid", fault?.message ?? "none of its listeners can be served");
}

/** Of the Gateway's own references, and a summary of its listeners'. */
function resolvedCondition(
  condition: ReturnType<typeof conditionsOf>,
  own: readonly Spot[],
  clientCertificate: Problem | undefined,
): Condition {
  if (clientCertificate !== undefined)
    return condition("ResolvedRefs", false, clientCertificate.reason, clientCertificate.message);
  const bad = own.filter(({ unresolved }) => unresolved.length > 0);
  return bad.length > 0
    ? condition("ResolvedRefs", false, "ListenersNotResolved", `not resolved: ${namesOf(bad)}`)
    : condition("ResolvedRefs", true, "ResolvedRefs", "all of its references were found");
}

function isInsecure({ gateway: { spec } }: ServedGateway): boolean {
  const { default: usual, perPort = [] } = spec.tls?.frontend ?? {};
  return [usual, ...perPort.map(({ tls }) => tls)].some(
    (settings) => settings?.validation?.mode === "AllowInsecureFallback",
  );
}

function addressesOf(
  { gateway, address, fault }: ServedGateway,
  { addresses, addressPool }: TranslateOptions,
): readonly GatewayAddress[] {
  if (fault !== undefined) return [];
  if (addressPool.length > 0) return address === undefined ? [] : [{ type: "IPAddress", value: address }];
  const asked = new Set((gateway.spec.addresses ?? []).map(({ value = "" }) => value));
  asked.delete("");
  return asked.size === 0 ? addresses : addresses.filter(({ value = "" }) => asked.has(value));
}

/** Whether a listener of it can be served: unlike a Gateway, one whose certificates are all missing is not accepted. */
const isSetAccepted = ({ fault }: ServedGateway, own: readonly Spot[]): boolean =>
  fault?.type !== "Accepted" && own.some(({ isServed }) => isServed);

/** @param own the set's spots. */
export function listenerSetStatus(
  served: ServedGateway,
  set: ListenerSet,
  own: readonly Spot[],
): ListenerSetStatus {
  const condition = conditionsOf(set);
  const bad = own.filter((spot) => !spot.isServed);
  const isAccepted = isSetAccepted(served, own);
  const isProgrammed = served.fault === undefined && own.some(({ isServed }) => isServed);
  return {
    conditions: [
      served.fault?.type === "Accepted"
        ? condition("Accepted", false, "ParentNotAccepted", served.fault.message)
        : bad.length > 0
          ? condition("Accepted", isAccepted, "ListenersNotValid", `not valid: ${namesOf(bad)}`)
          : condition("Accepted", true, "Accepted", "its listeners are served with its Gateway's"),
      isProgrammed
        ? condition("Programmed", true, "Programmed", "its listeners accept connections")
        : served.fault !== undefined
          ? condition("Programmed", false, "ParentNotProgrammed", served.fault.message)
          : condition("Programmed", false, "ListenersNotValid", "none of its listeners can be served"),
    ],
    listeners: own.map((spot) => listenerStatus(spot, served.fault === undefined)),
  };
}

/** Of a set that its Gateway does not let in. */
export function refusedSetStatus(set: ListenerSet): ListenerSetStatus {
  const condition = conditionsOf(set);
  const message = "the Gateway's allowedListeners do not let it in";
  return {
    conditions: [
      condition("Accepted", false, "NotAllowed", message),
      condition("Programmed", false, "NotAllowed", message),
    ],
    listeners: [],
  };
}

/** Faults that were found in a route itself. */
export interface RouteFaults {
  /** Rules that can't be followed. */
  readonly refusals: readonly Problem[];
  /** No rule is left. */
  readonly isEmpty: boolean;
  readonly unresolved: readonly Problem[];
  /** Matches that others have. */
  readonly overlaps: readonly Overlap[];
}

/** Overlaps that a condition names; an event tells of each. */
const mostTold = 10;

export function routeStatus(
  route: AnyRoute,
  attempts: readonly Attempted[],
  faults: RouteFaults,
  controllerName: string,
): RouteStatus {
  const condition = conditionsOf(route);
  const { refusals, isEmpty, unresolved, overlaps } = faults;
  const [first] = refusals;
  const [unresolvedFirst] = unresolved;
  return {
    parents: attempts.map(({ parent, refusal }) => {
      const refused = refusal ?? (isEmpty ? first : undefined);
      const conditions = [
        refused === undefined
          ? condition("Accepted", true, "Accepted", "the route is served")
          : condition("Accepted", false, refused.reason, refused.message),
        unresolvedFirst === undefined
          ? condition("ResolvedRefs", true, "ResolvedRefs", "all of its references were found")
          : condition("ResolvedRefs", false, unresolvedFirst.reason, messages(unresolved)),
      ];
      if (first !== undefined && refused === undefined)
        conditions.push(
          condition("PartiallyInvalid", true, first.reason, `Dropped Rule: ${messages(refusals)}`),
        );
      if (overlaps.length > 0 && refused === undefined)
        conditions.push(condition("umay.dev/MatchTaken", true, "MatchTaken", overlapText(overlaps)));
      return { parentRef: parent, controllerName, conditions };
    }),
  };
}

const overlapText = (overlaps: readonly Overlap[]): string =>
  overlaps
    .slice(0, mostTold)
    .map(({ what, winner }) => takenBy(what, winner))
    .join("; ");

export function policyStatus(judged: JudgedPolicy, controllerName: string): PolicyStatus {
  const condition = conditionsOf(judged.policy);
  const { refusal, unresolved, gateways } = judged;
  const conditions = [
    refusal === undefined
      ? condition("Accepted", true, "Accepted", "TLS to the backends is as it says")
      : condition("Accepted", false, refusal.reason, refusal.message),
    unresolved === undefined
      ? condition("ResolvedRefs", true, "ResolvedRefs", "all of its references were found")
      : condition("ResolvedRefs", false, unresolved.reason, unresolved.message),
  ];
  return {
    ancestors: [...gateways].map((gateway) => {
      const { namespace, name } = gateway.metadata;
      return {
        ancestorRef: { group: gatewayGroup, kind: "Gateway", namespace: namespace ?? "", name },
        controllerName,
        conditions,
      };
    }),
  };
}

/** Where clients reach an Ingress. */
export const ingressStatus = ({ addresses }: TranslateOptions): IngressStatus => ({
  loadBalancer: {
    ingress: addresses.map(({ type = "IPAddress", value = "" }) =>
      type === "IPAddress" ? { ip: value } : { hostname: value },
    ),
  },
});
