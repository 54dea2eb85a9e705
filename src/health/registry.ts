import type { CheckSpec } from "../model/health.ts";
import type { CheckTarget, HealthCheck } from "./check.ts";
import { createGrpcCheck } from "./grpc.ts";
import { createHttpCheck } from "./http.ts";
import { createMysqlCheck } from "./mysql.ts";
import { createPostgresCheck } from "./postgres.ts";
import { createRedisCheck } from "./redis.ts";
import { createSmtpCheck } from "./smtp.ts";
import { createTcpCheck } from "./tcp.ts";
import { createTlsCheck } from "./tls.ts";

/** One line for each type of check; a type of the model without one does not compile. */
const checks: { readonly [S in CheckSpec as S["type"]]: (spec: S) => HealthCheck } = {
  tcp: createTcpCheck,
  tls: createTlsCheck,
  http: createHttpCheck,
  grpc: createGrpcCheck,
  mysql: createMysqlCheck,
  postgres: createPostgresCheck,
  redis: createRedisCheck,
  smtp: createSmtpCheck,
};

/** @returns the check that a pool's configuration asks for. */
export function createCheck(spec: CheckSpec): HealthCheck {
  // The compiler can't see that the entry found by a spec's type takes that spec.
  const create = checks[spec.type] as (spec: CheckSpec) => HealthCheck;
  return create(spec);
}

/** The checked address: the backend's own, unless the configuration has another one. */
export function checkedTarget(spec: CheckSpec, { target: own, others, hostName }: CheckTarget): CheckTarget {
  const host = spec.address ?? (own.kind === "tcp" ? own.host : undefined);
  const port = spec.port ?? (own.kind === "tcp" ? own.port : undefined);
  const target = host === undefined || port === undefined ? own : ({ kind: "tcp", host, port } as const);
  const further = spec.address === undefined && others !== undefined ? { others } : {};
  return { target, ...further, ...(hostName !== undefined && { hostName }) };
}
