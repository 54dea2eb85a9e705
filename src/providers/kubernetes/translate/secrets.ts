import type { Finding } from "../../../lib/findings.ts";
import { loadBackendAuthorities, loadClientAuthorities } from "../../../material/authorities.ts";
import { loadCertificate } from "../../../material/certificates.ts";
import type { Peers } from "../../../material/lint.ts";
import type { Authorities, Certificate } from "../../../model/material.ts";
import { contextRefusal } from "../../../tls/refusal.ts";
import type { ConfigMap, Secret } from "../core.ts";
import type { Cluster } from "../objects.ts";
import { type Problem, problem } from "./conditions.ts";

/** Something that was loaded, or why it can't be. */
export type Loaded<T> = { readonly value: T } | { readonly problem: Problem };

/** Loaded material of an object stays, as long as the object is the same. */
const certificates = {
  clients: new WeakMap<Secret, Loaded<Certificate>>(),
  backends: new WeakMap<Secret, Loaded<Certificate>>(),
};
const authorities = {
  clients: new WeakMap<Secret | ConfigMap, Loaded<Authorities>>(),
  backends: new WeakMap<Secret | ConfigMap, Loaded<Authorities>>(),
};

/** Certificates and CAs in Secrets and ConfigMaps; it notes which are asked for. */
export class Secrets {
  readonly secretsWanted = new Set<string>();
  readonly configMapsWanted = new Set<string>();
  readonly #cluster: Pick<Cluster, "secrets" | "configMaps">;

  constructor(cluster: Pick<Cluster, "secrets" | "configMaps">) {
    this.#cluster = cluster;
  }

  /** @returns undefined: there is none. */
  secret(key: string): Secret | undefined {
    this.secretsWanted.add(key);
    return this.#cluster.secrets.get(key);
  }

  configMap(key: string): ConfigMap | undefined {
    this.configMapsWanted.add(key);
    return this.#cluster.configMaps.get(key);
  }

  /** The certificate in a Secret. @param key `namespace/name`. @param peers whom it is shown to. */
  async certificate(key: string, peers: Peers): Promise<Loaded<Certificate>> {
    const secret = this.secret(key);
    if (secret === undefined) return missing("Secret", key);
    return once(certificates[peers], secret, () => readCertificate(secret, key, peers));
  }

  /** The CAs in `ca.crt` of a ConfigMap or a Secret. @param peers whose certificates they signed. */
  async authorities(kind: "ConfigMap" | "Secret", key: string, peers: Peers): Promise<Loaded<Authorities>> {
    const object = kind === "Secret" ? this.secret(key) : this.configMap(key);
    if (object === undefined) return missing(kind, key);
    const text = object.data?.["ca.crt"];
    if (text === undefined)
      return { problem: problem("InvalidCACertificateRef", `${kind} ${key} has no key ca.crt`) };
    const given = kind === "Secret" ? decode(text) : text;
    return once(authorities[peers], object, () => readAuthorities(given, `ca.crt of ${kind} ${key}`, peers));
  }
}

/** A loader that throws is a problem of this object alone. */
async function once<Holder extends object, T>(
  known: WeakMap<Holder, Loaded<T>>,
  holder: Holder,
  load: () => Promise<Loaded<T>>,
): Promise<Loaded<T>> {
  const before = known.get(holder);
  if (before !== undefined) return before;
  const loaded = await load().catch((error: Error) => ({ problem: problem("Invalid", error.message) }));
  known.set(holder, loaded);
  return loaded;
}

const missing = (kind: string, key: string): { readonly problem: Problem } => ({
  problem: problem("NotFound", `there is no ${kind} ${key}`),
});

const decode = (text: string): string => Buffer.from(text, "base64").toString("latin1");

async function readCertificate(
  { data = {} }: Secret,
  key: string,
  peers: Peers,
): Promise<Loaded<Certificate>> {
  const [cert, privateKey] = [data["tls.crt"], data["tls.key"]];
  if (cert === undefined || privateKey === undefined)
    return { problem: problem("Invalid", `Secret ${key} has no tls.crt and tls.key`) };
  const errors = new Errors();
  const certificate = await loadCertificate(
    {
      kind: "file",
      cert: `Secret ${key}`,
      key: `the key of Secret ${key}`,
      given: { cert: decode(cert), key: decode(privateKey) },
    },
    peers,
    [],
    errors.report,
  );
  if (certificate === undefined) return { problem: errors.problem("Invalid") };
  // One that a worker could not load would keep every configuration from being served.
  const refusal = contextRefusal({ cert: certificate.cert, key: certificate.key });
  if (refusal === undefined) return { value: certificate };
  return { problem: problem("Invalid", `OpenSSL refuses the certificate of Secret ${key}: ${refusal}`) };
}

async function readAuthorities(given: string, name: string, peers: Peers): Promise<Loaded<Authorities>> {
  const errors = new Errors();
  const load = peers === "clients" ? loadClientAuthorities : loadBackendAuthorities;
  const loaded = await load({ kind: "file", file: name, given }, [], errors.report);
  return loaded === undefined ? { problem: errors.problem("InvalidCACertificateRef") } : { value: loaded };
}

/** The errors of a loader. */
class Errors {
  readonly #messages: string[] = [];

  readonly report = ({ severity, message }: Finding): void => {
    if (severity === "error") this.#messages.push(message);
  };

  problem(reason: string): Problem {
    return problem(reason, this.#messages.join("; "));
  }
}
