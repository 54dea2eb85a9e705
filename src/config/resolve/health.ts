import { resolve as resolvePath } from "node:path";
import type { CheckSpec, CheckTls, HealthPolicy } from "../../model/health.ts";
import { errorAt, type Finding, type Path } from "../errors.ts";
import type { PoolSettings } from "../schema/pool.ts";
import { loadPem, readChain } from "./pem.ts";

type Check = NonNullable<PoolSettings["health"]>;
type Report = (finding: Finding) => void;

/** Reads what the checks trust, and fills in the names that follow from discovery. @param path of the pool. */
export async function resolveHealth(
  settings: PoolSettings,
  path: Path,
  directory: string,
  report: Report,
): Promise<HealthPolicy> {
  const { health, outlier, panic_threshold: panicThreshold } = settings;
  const { base, max, max_percent: maxPercent } = outlier.ejection;
  if (base > max)
    report(errorAt([...path, "outlier", "ejection"], "base is longer than max; raise max or lower base"));
  return {
    check: health && (await checkOf(settings, health, [...path, "health"], directory, report)),
    outlier: {
      enabled: outlier.enabled,
      consecutiveErrors: outlier.consecutive_errors,
      base,
      max,
      maxPercent,
    },
    panicThreshold,
  };
}

async function checkOf(
  { discovery, proxy_protocol }: PoolSettings,
  health: Check,
  path: Path,
  directory: string,
  report: Report,
): Promise<CheckSpec> {
  const { interval, timeout, rise, fall, address, port } = health;
  const name = discovery.type === "dns" ? discovery.name : undefined;
  // What listens elsewhere is not what sessions go to.
  const proxyProtocol = address === undefined && port === undefined ? proxy_protocol : undefined;
  const timing = { interval, timeout, rise, fall, address, port, proxyProtocol };
  if (health.type === "tcp") return { type: "tcp", ...timing };
  if (health.type === "tls")
    return { type: "tls", ...timing, tls: await tlsOf(health.tls, name, path, directory, report) };
  const tls = health.tls && (await tlsOf(health.tls, name, path, directory, report));
  const host = health.host ?? tls?.serverName ?? name;
  if (health.type === "grpc") return { type: "grpc", ...timing, tls, host, service: health.service };
  const { method, expect_status: expectStatus, expect_body: expectBody } = health;
  if (method === "HEAD" && expectBody !== undefined)
    report(
      errorAt([...path, "expect_body"], 'an answer to HEAD has no body; use method = "GET" or remove this'),
    );
  return { type: "http", ...timing, tls, host, method, path: health.path, expectStatus, expectBody };
}

async function tlsOf(
  settings: NonNullable<Exclude<Check, { type: "tcp" }>["tls"]>,
  name: string | undefined,
  path: Path,
  directory: string,
  report: Report,
): Promise<CheckTls> {
  const { verify, ca } = settings;
  const serverName = settings.server_name ?? name;
  if (ca === undefined) return { verify, ca, serverName };
  const file = resolvePath(directory, ca);
  const pem = await loadPem(file);
  const chain = "value" in pem ? readChain(pem.value) : pem;
  if ("problem" in chain) report(errorAt([...path, "tls", "ca"], `${file} ${chain.problem}`));
  return { verify, ca: "value" in pem ? pem.value : undefined, serverName };
}
