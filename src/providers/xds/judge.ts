import { isIP } from "node:net";
import { errorAt, type Finding } from "../../lib/findings.ts";
import { mapAddress } from "../envoy/map/address.ts";
import type { Mapping } from "../envoy/map/context.ts";
import { type EndpointTraits, mapEndpoints, overprovisioningOf } from "../envoy/map/endpoints.ts";
import { mapCertificate, mapClientTrust } from "../envoy/map/material.ts";
import { checkRoutes } from "../envoy/map/routes.ts";
import type { Node } from "../envoy/node.ts";
import { readMessage } from "../envoy/read/message.ts";
import { readWire } from "../envoy/read/wire.ts";
import { messageType } from "../envoy/schema/registry.ts";
import type { Addresses } from "./addresses.ts";
import { sortFindings, type UnknownParts } from "./faults.ts";
import type { MappedResource } from "./mapped.ts";
import { type Origin, type Reference, referencesOf } from "./origins.ts";
import { type Endpoints, type Judgement, type Kind, kinds, type Received } from "./resources.ts";
import { holdsSecret } from "./secrets.ts";

/** The findings about a cluster or a listener. */
export type Found = Pick<MappedResource<unknown>, "findings" | "sources">;

/** The things that judging a resource needs. */
export interface JudgeOptions {
  readonly mapping: Mapping;
  /** Finds the faults of a cluster or a listener. */
  readonly findingsOf: (kind: "cluster" | "listener", node: Node) => Promise<Found>;
  /** Finds the faults of the listeners that name these routes, as they would be served with them. */
  readonly findingsWith: (routes: string, node: Node) => Promise<Found[]>;
  /** Why nobody can be asked there; undefined: somebody can. */
  readonly faultOf: (origin: Origin) => string | undefined;
  /** Says whether a listener can have its address. */
  readonly addresses: Pick<Addresses, "faultOf">;
  readonly unknown: UnknownParts;
  /** Gets warnings about what is good. */
  readonly warn: (kind: Kind, name: string, warnings: readonly string[]) => void;
}

/** Where the paths begin of what a control plane sent. */
const fromControlPlane = "xds";
/** Faults of one resource that are told. */
const mostFaults = 5;

/** Reads a resource and maps it, as it would be served. Resources that it names may come later. Never rejects. */
export async function judgeResource(
  kind: Kind,
  { name, bytes, tree }: Received,
  own: Origin,
  options: JudgeOptions,
): Promise<Judgement> {
  const findings: Finding[] = [];
  const report = (finding: Finding): void => void findings.push(finding);
  try {
    const type = messageType(kinds[kind].type);
    const path = [fromControlPlane];
    const node =
      tree === undefined ? readWire(type, bytes, path, report) : readMessage(type, tree, path, report);
    const mapping = { ...options.mapping, report, isDynamic: true };
    const others = kind === "routes" ? await options.findingsWith(name, node) : [];
    if (kind === "cluster" || kind === "listener") others.push(await options.findingsOf(kind, node));
    const endpoints = kind === "endpoints" ? endpointsOf(node, mapping) : undefined;
    if (kind === "routes") await checkRoutes(node, mapping);
    if (kind === "secret") await mapSecret(node, name, mapping);
    const references = endpoints === undefined ? refer(node, own, options, report) : [];
    const sources = new Set([node, ...others.flatMap((other) => other.sources)]);
    const all = [...findings, ...others.flatMap((other) => other.findings)];
    const [faults, warnings] = sortFindings(all, sources, options.unknown);
    if (faults.length > 0)
      return { refusal: faults.slice(0, mostFaults).join("; "), isOwn: sources.size === 1 };
    const taken = kind === "listener" ? await takenOf(node, name, options) : undefined;
    if (taken !== undefined) return { refusal: `address: ${taken}`, isOwn: false, mayPass: true };
    if (warnings.length > 0) options.warn(kind, name, warnings);
    return endpoints === undefined
      ? { node, references, isSecret: holdsSecret(node) }
      : { endpoints, references, isSecret: false };
  } catch (error) {
    return { refusal: `can't be read: ${(error as Error).message}`, isOwn: true };
  }
}

/** Why a listener can't have its address; undefined: it can. */
async function takenOf(
  listener: Node,
  name: string,
  { addresses, mapping }: JudgeOptions,
): Promise<string | undefined> {
  const bind = mapAddress(listener.node("address"), { ...mapping, report: () => {} }, listener);
  return bind && addresses.faultOf({ name, bind });
}

/** By factor: most have the usual one. */
const traits = new Map<number | undefined, EndpointTraits>();
/** Factors that are remembered. */
const mostFactors = 1_000;

function endpointsOf(assignment: Node, mapping: Mapping): Endpoints {
  const backends = mapEndpoints(assignment, mapping);
  for (const { target } of backends)
    if (target.kind === "tcp" && isIP(target.host) === 0)
      mapping.report(
        errorAt(assignment.path, `has the host name ${target.host}; endpoints have IP addresses`),
      );
  const overprovisioning = overprovisioningOf(assignment);
  const known = traits.get(overprovisioning) ?? { overprovisioning };
  if (traits.size < mostFactors) traits.set(overprovisioning, known);
  return { backends, traits: known };
}

/** A secret is good by itself; whether it fits is found out where it is used. */
async function mapSecret(secret: Node, name: string, mapping: Mapping): Promise<void> {
  const certificate = secret.node("tls_certificate");
  if (certificate !== undefined) await mapCertificate(certificate, name, "clients", mapping);
  const context = secret.node("validation_context");
  if (context?.has("trusted_ca")) await mapClientTrust(context, name, mapping);
}

function refer(
  node: Node,
  own: Origin,
  { mapping, faultOf }: JudgeOptions,
  report: (finding: Finding) => void,
): readonly Reference[] {
  const references = referencesOf(node, { own, directory: mapping.directory, report });
  for (const { kind, name, origin } of references) {
    const fault = faultOf(origin);
    if (fault !== undefined) report(errorAt(node.path, `${kind} ${JSON.stringify(name)}: ${fault}`));
  }
  return references;
}
