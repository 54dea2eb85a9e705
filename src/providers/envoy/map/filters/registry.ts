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
import { applyRules } from "./rules.ts";
import { applyTokens } from "./tokens.ts";

/** A filter as a route has it. */
export interface RouteFilter extends Pick<HttpFilter, "name" | "config"> {
  /** The settings of the route itself, its virtual host or its table; undefined: there are none. */
  readonly own: Node | undefined;
}

export type ApplyFilter = (
  filter: RouteFilter,
  parts: RouteParts,
  guards: TableGuards,
  mapping: Mapping,
) => void | Promise<void>;

const extension = "envoy.extensions.filters.http";

/** The filters that change routes, by the names of their messages. */
export const applied: Readonly<Record<string, ApplyFilter>> = {
  [`${extension}.buffer.v3.Buffer`]: applyBuffer,
  [`${extension}.compressor.v3.Compressor`]: applyCompressor,
  [`${extension}.cors.v3.Cors`]: applyCors,
  [`${extension}.csrf.v3.CsrfPolicy`]: applyCsrf,
  [`${extension}.ext_authz.v3.ExtAuthz`]: applyAuthorization,
  [`${extension}.fault.v3.HTTPFault`]: applyFault,
  [`${extension}.header_mutation.v3.HeaderMutation`]: applyHeaderMutation,
  [`${extension}.jwt_authn.v3.JwtAuthentication`]: applyTokens,
  [`${extension}.local_ratelimit.v3.LocalRateLimit`]: applyLimit,
  [`${extension}.rbac.v3.RBAC`]: applyRules,
};

/** Filters that change no route here. The health check has rules of its own. */
export const ignored: ReadonlySet<string> = new Set([
  `${extension}.router.v3.Router`,
  `${extension}.health_check.v3.HealthCheck`,
  `${extension}.grpc_stats.v3.FilterConfig`,
]);
