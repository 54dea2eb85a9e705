import type { Certificate } from "../../../model/material.ts";
import type { Gateway } from "../gateway-api.ts";
import type { ObjectReference } from "../meta.ts";
import { joined } from "./backend-tls.ts";
import { messages, type Problem, problem } from "./conditions.ts";
import type { ServedGateway } from "./gateways.ts";
import type { Grants } from "./grants.ts";
import type { Secrets } from "./secrets.ts";
import { frontendTls, type Spot } from "./spots.ts";

const gatewayGroup = "gateway.networking.k8s.io";

/** Loads the certificates of listeners that end TLS, and the CAs of their clients. Faults are noted at the listeners. */
export async function loadListenerTls(
  spots: readonly Spot[],
  secrets: Secrets,
  grants: Grants,
): Promise<void> {
  for (const spot of spots) {
    if (spot.hasWrongKinds)
      spot.unresolved.push(
        problem("InvalidRouteKinds", `a listener for ${spot.spec.protocol} takes no routes of these kinds`),
      );
    if (!spot.terminates) continue;
    spot.certificates = await certificatesOf(spot, secrets, grants);
    await loadClientAuth(spot, secrets, grants);
  }
}

async function certificatesOf(spot: Spot, secrets: Secrets, grants: Grants): Promise<readonly Certificate[]> {
  const found: Certificate[] = [];
  const { kind } = spot.owner;
  const user = { group: gatewayGroup, kind, namespace: spot.namespace };
  for (const { group = "", kind: target = "Secret", name, namespace = spot.namespace } of spot.spec.tls
    ?.certificateRefs ?? []) {
    const key = `${namespace}/${name}`;
    if (group !== "" || target !== "Secret")
      spot.unresolved.push(problem("InvalidCertificateRef", `${key} is a ${target}, and no Secret`));
    else if (!grants.allows(user, { group, kind: target, namespace, name }))
      spot.unresolved.push(
        problem(
          "RefNotPermitted",
          `no ReferenceGrant in namespace ${namespace} lets it refer to Secret ${name}`,
        ),
      );
    else {
      const loaded = await secrets.certificate(key, "clients");
      if ("value" in loaded) found.push(loaded.value);
      else spot.unresolved.push(problem("InvalidCertificateRef", loaded.problem.message));
    }
  }
  return found;
}

/** GEP-91: the CAs of a Gateway's clients, for all of its listeners with TLS or for those of a port. */
async function loadClientAuth(spot: Spot, secrets: Secrets, grants: Grants): Promise<void> {
  const validation = frontendTls(spot)?.validation;
  if (validation === undefined) return;
  const own = spot.gateway.metadata.namespace ?? "";
  const problems: Problem[] = [];
  const found = [];
  for (const { group = "", kind = "ConfigMap", name, namespace = own } of validation.caCertificateRefs) {
    const key = `${namespace}/${name}`;
    if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret"))
      problems.push(
        problem("InvalidCACertificateKind", `CAs are in ConfigMaps or Secrets, and ${key} is a ${kind}`),
      );
    else if (
      !grants.allows(
        { group: gatewayGroup, kind: "Gateway", namespace: own },
        { group, kind, namespace, name },
      )
    )
      problems.push(
        problem(
          "RefNotPermitted",
          `no ReferenceGrant in namespace ${namespace} lets it refer to ${kind} ${name}`,
        ),
      );
    else {
      const loaded = await secrets.authorities(kind, key, "clients");
      if ("value" in loaded) found.push(loaded.value);
      else problems.push(problem("InvalidCACertificateRef", loaded.problem.message));
    }
  }
  spot.unresolved.push(...problems);
  const ca = joined(found);
  if (ca === undefined) {
    spot.refusal ??= problem("NoValidCACertificate", messages(problems));
    return;
  }
  const mode = validation.mode === "AllowInsecureFallback" ? "optional" : "require";
  spot.clientAuth = { mode, ca, crl: undefined, allow: undefined };
}

/** The certificates that Gateways show to backends. */
export class ClientCertificates {
  readonly #loaded = new Map<Gateway, Certificate>();
  readonly #problems = new Map<Gateway, Problem>();

  static async of(
    gateways: readonly ServedGateway[],
    secrets: Secrets,
    grants: Grants,
  ): Promise<ClientCertificates> {
    const all = new ClientCertificates();
    for (const { gateway } of gateways) {
      const reference = gateway.spec.tls?.backend?.clientCertificateRef;
      if (reference !== undefined) await all.#load(gateway, reference, secrets, grants);
    }
    return all;
  }

  async #load(gateway: Gateway, reference: ObjectReference, secrets: Secrets, grants: Grants): Promise<void> {
    const own = gateway.metadata.namespace ?? "";
    const { group = "", kind = "Secret", name, namespace = own } = reference;
    const user = { group: gatewayGroup, kind: "Gateway", namespace: own };
    if (group !== "" || kind !== "Secret")
      this.#problems.set(
        gateway,
        problem("InvalidClientCertificateRef", `${name} is a ${kind}, and no Secret`),
      );
    else if (!grants.allows(user, { group, kind, namespace, name }))
      this.#problems.set(
        gateway,
        problem(
          "RefNotPermitted",
          `no ReferenceGrant in namespace ${namespace} lets it refer to Secret ${name}`,
        ),
      );
    else {
      const loaded = await secrets.certificate(`${namespace}/${name}`, "backends");
      if ("value" in loaded) this.#loaded.set(gateway, loaded.value);
      else this.#problems.set(gateway, problem("InvalidClientCertificateRef", loaded.problem.message));
    }
  }

  /** @returns undefined: it shows none. */
  of(gateway: Gateway): Certificate | undefined {
    return this.#loaded.get(gateway);
  }

  problemOf(gateway: Gateway): Problem | undefined {
    return this.#problems.get(gateway);
  }
}
