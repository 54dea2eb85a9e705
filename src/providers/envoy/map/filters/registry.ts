import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { applyAuthorization } from "./authorization.ts";
import { applyBuffer } from "./buffer.ts";
import { applyCompressor } from "./compressor.ts";
import { applyCors } from "./cors.ts";
import { applyCsrf } from "./csrf.ts";
import { applyFault } from "./fault.ts";
import type { HttpFilter, TableGuards } from "./filters.ts";
import { applyHeaderMutation } from "./header-mutation.ts";
import { applyLimit } from "./limit.ts";
import type { RouteParts } from "./parts.ts";
import { applyProcessing } from "./processing.ts";
import { applyRules } from "./rules.ts";
import { applyStatefulSession } from "./stateful-session.ts";
import { applyTokens } from "./tokens.ts";

/** A filter as a route has it. */
export interface RouteFilter extends Pick<HttpFilter, "name" | "config"> {
  /** The settings of the route itself, its virtual host or its table; undefined: there are none. */
  readonly own: Node | undefined;
  /** All of these, the most specific first: most filters heed that alone. */
  readonly all: readonly Node[];
}

export type ApplyFilter = (
  filter: RouteFilter,
  parts: RouteParts,
  guards: TableGuards,
  mapping: Mapping,
) => void | Promise<void>;

const extension = "envoy.extensions.filters.http";

/** A filter that changes routes. */
export interface AppliedFilter {
  readonly apply: ApplyFilter;
  /** The message of a route's own settings. */
  readonly override: string;
}

/** The filters that change routes, by the names of their messages. */
export const applied: Readonly<Record<string, AppliedFilter>> = Object.fromEntries(
  (
    [
      ["buffer.v3.Buffer", "BufferPerRoute", applyBuffer],
      ["compressor.v3.Compressor", "CompressorPerRoute", applyCompressor],
      ["cors.v3.Cors", "CorsPolicy", applyCors],
      ["csrf.v3.CsrfPolicy", "CsrfPolicy", applyCsrf],
      ["ext_authz.v3.ExtAuthz", "ExtAuthzPerRoute", applyAuthorization],
      ["ext_proc.v3.ExternalProcessor", "ExtProcPerRoute", applyProcessing],
      ["fault.v3.HTTPFault", "HTTPFault", applyFault],
      ["header_mutation.v3.HeaderMutation", "HeaderMutationPerRoute", applyHeaderMutation],
      ["jwt_authn.v3.JwtAuthentication", "PerRouteConfig", applyTokens],
      ["local_ratelimit.v3.LocalRateLimit", "LocalRateLimit", applyLimit],
      ["rbac.v3.RBAC", "RBACPerRoute", applyRules],
      ["stateful_session.v3.StatefulSession", "StatefulSessionPerRoute", applyStatefulSession],
    ] as const
  ).map(([name, own, apply]) => [
    `${extension}.${name}`,
    { apply, override: `${extension}.${name.replace(/[^.]+$/, own)}` },
  ]),
);

/** Those of them that refuse requests by who sends them, or by how many there are. */
export const guarding: ReadonlySet<ApplyFilter | undefined> = new Set([
  applyAuthorization,
  applyCsrf,
  applyLimit,
  applyProcessing,
  applyRules,
  applyTokens,
]);

/** Filters that change no route here. The health check has rules of its own. */
export const ignored: ReadonlySet<string> = new Set([
  `${extension}.router.v3.Router`,
  `${extension}.health_check.v3.HealthCheck`,
  `${extension}.grpc_stats.v3.FilterConfig`,
]);
