import type { PlacedBackend } from "../../../model/backend.ts";
import type { Target } from "../../../model/chain.ts";
import type { HttpRoute, Sticky } from "../../../model/http/route.ts";
import type { PlacedPool } from "../../../model/snapshot.ts";
import type { Labels } from "../../../model/subset.ts";
import { cookieValue } from "../../decide/http/cookie.ts";
import { hashKeyOf } from "../../decide/http/hash-key.ts";
import { stickyCookie, stickyValue } from "../../decide/http/sticky.ts";
import { chooseTarget } from "../../decide/target.ts";
import type { Dispatch } from "../../dispatch/dispatch.ts";
import type { ServedPool } from "../../dispatch/pool.ts";
import type { PickKey } from "../../pick/picker.ts";
import type { HttpConnection, HttpListener } from "./client.ts";
import type { RequestView } from "./view.ts";

/** The backends of a pool by what cookies say of them; made once for each state of a pool that is asked. */
const known = new WeakMap<PlacedPool, ReadonlyMap<string, PlacedBackend>>();

function backendsOf(definition: PlacedPool): ReadonlyMap<string, PlacedBackend> {
  const found = known.get(definition);
  if (found !== undefined) return found;
  const { name, backends } = definition;
  const made = new Map(backends.map((backend) => [stickyValue(name, backend.address), backend]));
  known.set(definition, made);
  return made;
}

type Pools = Pick<HttpListener, "poolNamed">;

/** Finds the backend that a cookie names. @returns undefined where it is in none of the pools. */
function stickyBackend(target: Target, value: string, pools: Pools): Omit<PoolChoice, "key"> | undefined {
  for (const { pool: name, subset } of target) {
    const pool = pools.poolNamed(name);
    const backend = pool && backendsOf(pool.definition).get(value);
    if (pool !== undefined && backend !== undefined) return { pool, backend, subset };
  }
  return undefined;
}

/** Where a request goes. */
export interface PoolChoice {
  readonly pool: ServedPool;
  /** Where the client was before; undefined: nowhere, or there no more. */
  readonly backend: PlacedBackend | undefined;
  /** The text that is hashed in place of the pool's own key. */
  readonly key: string | undefined;
  /** The labels of the part of the pool that it goes to; undefined: to none in particular. */
  readonly subset?: Labels | undefined;
}

/** Chooses the pool of a request whose route sends it to one. @returns undefined where that has left. */
export function choosePoolFor(
  { action, sticky, hash }: HttpRoute,
  view: RequestView,
  pools: Pools,
): PoolChoice | undefined {
  const to = action.kind === "pools" ? action.to : [];
  const key = hash.length === 0 ? undefined : hashKeyOf(hash, view)?.text;
  const value = sticky && stickyOf(sticky, view);
  const known = value === undefined ? undefined : stickyBackend(to, value, pools);
  if (known !== undefined) return { ...known, key };
  const field = action.kind === "pools" ? action.field : undefined;
  const { pool: name, subset } =
    field === undefined ? chooseTarget(to) : { pool: view.header(field) ?? "", subset: undefined };
  const pool = pools.poolNamed(name);
  return pool && { pool, backend: namedBackend(pool, view), key, subset };
}

/** By what a backend is picked. */
export const pickKeyOf = (
  { pool, key, backend: preferred, subset }: PoolChoice,
  view: RequestView,
  connection: Pick<HttpConnection, "serverName" | "destination">,
): PickKey => ({
  clientAddress: view.client,
  serverName: connection.serverName,
  key,
  preferred,
  subset,
  destination: destinationOf(pool.definition, view, connection),
});

/** Only where it counts. */
function destinationOf(
  { destination: rule }: PlacedPool,
  view: RequestView,
  { destination }: Pick<HttpConnection, "destination">,
): string | undefined {
  if (rule === undefined) return undefined;
  return (rule.field === undefined ? undefined : view.header(rule.field)) ?? destination;
}

/** The backend that a field of the request names, where the pool has such a field. */
function namedBackend({ definition }: ServedPool, view: RequestView): PlacedBackend | undefined {
  const { backendField } = definition.http;
  const address = backendField && view.header(backendField);
  return address === undefined
    ? undefined
    : definition.backends.find((backend) => backend.address === address);
}

/** The value by which a client says where it was; undefined: it does not. */
const stickyOf = ({ cookie, field }: Sticky, view: RequestView): string | undefined =>
  field === undefined ? cookieValue(view.header("cookie"), cookie) : view.header(field);

/** The field that keeps a client where it is, as a line; empty where it is not needed. */
export function stickyField(
  { sticky }: HttpRoute,
  view: RequestView,
  { backend }: PoolChoice,
  { pool, backend: present }: Dispatch,
): string {
  if (sticky === undefined || present === undefined || present.slot === backend?.slot) return "";
  const value = stickyValue(pool.definition.name, present.address);
  if (sticky.field !== undefined) return `${sticky.field}: ${value}\r\n`;
  return `set-cookie: ${stickyCookie(sticky, value, view.scheme === "https")}\r\n`;
}
