import type { Authorities, Certificate } from "../../../model/material.ts";
import type { BackendName, PoolTls } from "../../../model/pool.ts";
import type { Service, ServicePort } from "../core.ts";
import type { BackendTlsPolicy, Gateway } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import { byAge } from "./age.ts";
import { type Problem, problem } from "./conditions.ts";
import type { Secrets } from "./secrets.ts";

/** A BackendTLSPolicy that was looked at. */
export interface JudgedPolicy {
  readonly policy: BackendTlsPolicy;
  /** Undefined: it can't be used, and no backend of it is asked. */
  readonly tls: Omit<PoolTls, "certificate"> | undefined;
  /** Why it is not accepted. */
  readonly refusal: Problem | undefined;
  /** References that lead nowhere. */
  readonly unresolved: Problem | undefined;
  /** Gateways whose routes lead to its Services. */
  readonly gateways: Set<Gateway>;
}

/** Which policy counts for a port of a Service. */
export class BackendTls {
  /** By `namespace/service` and by `namespace/service/port`; the first one counts. */
  readonly #byTarget = new Map<string, JudgedPolicy[]>();
  readonly all: readonly JudgedPolicy[];

  private constructor(all: readonly JudgedPolicy[]) {
    this.all = all;
    for (const judged of all)
      for (const target of targetsOf(judged.policy)) {
        const others = this.#byTarget.get(target);
        if (others === undefined) this.#byTarget.set(target, [judged]);
        else others.push(judged);
      }
  }

  static async of(cluster: Cluster, secrets: Secrets): Promise<BackendTls> {
    const taken = new Map<string, BackendTlsPolicy>();
    const all: JudgedPolicy[] = [];
    for (const policy of [...cluster.backendTlsPolicies.values()].sort(byAge)) {
      const targets = targetsOf(policy);
      const other = targets.map((target) => taken.get(target)).find((each) => each !== undefined);
      for (const target of targets) if (!taken.has(target)) taken.set(target, policy);
      const judged = judge(policy, other, secrets);
      all.push(await judged.catch((error: Error) => refused(policy, problem("Invalid", error.message))));
    }
    return new BackendTls(all);
  }

  /**
   * The policy of a port, the more specific one first; undefined: there is none.
   * @param gateway whose routes lead there: it is told of in the status of all that have this target.
   */
  for(service: Service, port: ServicePort, gateway?: Gateway): JudgedPolicy | undefined {
    const key = `${service.metadata.namespace}/${service.metadata.name}`;
    const ofPort = this.#byTarget.get(`${key}/${port.name ?? ""}`) ?? [];
    const ofService = this.#byTarget.get(key) ?? [];
    if (gateway !== undefined) for (const { gateways } of [...ofPort, ...ofService]) gateways.add(gateway);
    return ofPort[0] ?? ofService[0];
  }
}

/** Only of Services. */
export function targetsOf({
  metadata: { namespace },
  spec: { targetRefs },
}: BackendTlsPolicy): readonly string[] {
  return targetRefs.flatMap(({ group = "", kind = "Service", name, sectionName }) => {
    if (group !== "" || kind !== "Service") return [];
    return [sectionName === undefined ? `${namespace}/${name}` : `${namespace}/${name}/${sectionName}`];
  });
}

async function judge(
  policy: BackendTlsPolicy,
  other: BackendTlsPolicy | undefined,
  secrets: Secrets,
): Promise<JudgedPolicy> {
  const { validation } = policy.spec;
  if (other !== undefined)
    return refused(
      policy,
      problem("Conflicted", `BackendTLSPolicy ${other.metadata.name} is older and has the same target`),
    );
  const { ca, problems } = await authoritiesOf(policy, secrets);
  const refs = validation.caCertificateRefs ?? [];
  const noCa = refs.length > 0 && ca === undefined;
  const wellKnown = validation.wellKnownCACertificates;
  const refusal = noCa
    ? problem("NoValidCACertificate", "none of its caCertificateRefs leads to a CA")
    : refs.length === 0 && wellKnown !== "System"
      ? problem("Invalid", "it names no CA: neither caCertificateRefs nor System")
      : undefined;
  return {
    policy,
    tls:
      refusal !== undefined
        ? undefined
        : { verify: true, ca, serverName: validation.hostname, ...namesOf(policy), alpn: [] },
    refusal,
    unresolved: problems[0],
    gateways: new Set(),
  };
}

const refused = (policy: BackendTlsPolicy, refusal: Problem): JudgedPolicy => ({
  policy,
  tls: undefined,
  refusal,
  unresolved: undefined,
  gateways: new Set(),
});

function namesOf({ spec }: BackendTlsPolicy): Pick<PoolTls, "names"> {
  const names = (spec.validation.subjectAltNames ?? []).flatMap(({ type, hostname, uri }): BackendName[] => {
    if (type === "URI") return uri === undefined ? [] : [{ kind: "uri", uri }];
    return hostname === undefined ? [] : [{ kind: "host", host: hostname.toLowerCase() }];
  });
  return names.length === 0 ? {} : { names };
}

async function authoritiesOf(
  { metadata: { namespace }, spec }: BackendTlsPolicy,
  secrets: Secrets,
): Promise<{ readonly ca: Authorities | undefined; readonly problems: readonly Problem[] }> {
  const found: Authorities[] = [];
  const problems: Problem[] = [];
  for (const { group = "", kind = "ConfigMap", name } of spec.validation.caCertificateRefs ?? []) {
    if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret")) {
      problems.push(problem("InvalidKind", `CAs are in ConfigMaps or Secrets, and ${name} is a ${kind}`));
      continue;
    }
    const loaded = await secrets.authorities(kind, `${namespace}/${name}`, "backends");
    if ("value" in loaded) found.push(loaded.value);
    else problems.push(problem("InvalidCACertificateRef", loaded.problem.message));
  }
  return { ca: joined(found), problems };
}

/** Several bundles as one. */
export function joined(all: readonly Authorities[]): Authorities | undefined {
  const [first, ...others] = all;
  if (first === undefined || others.length === 0) return first;
  const pem = all.map((each) => each.pem).join("\n");
  return {
    source: { kind: "file", file: all.map(({ source }) => source.file).join(", "), given: pem },
    pem,
    members: all.flatMap(({ members }) => members),
  };
}

/** @param certificate that umay shows. */
export const withCertificate = (
  tls: Omit<PoolTls, "certificate">,
  certificate: Certificate | undefined,
): PoolTls => ({ ...tls, certificate });
