import type { PlacedBackend } from "../../../../model/backend.ts";
import type { Target } from "../../../../model/chain.ts";
import { cookieValue } from "../../../../model/http/cookie.ts";
import type { HttpRoute, Sticky } from "../../../../model/http/route.ts";
import type { PlacedPool } from "../../../../model/snapshot.ts";
import type { Labels } from "../../../../model/subset.ts";
import { hashKeyOf } from "../../../decide/http/hash-key.ts";
import { isStickyValue, stickyValue, unwrapSticky } from "../../../decide/http/sticky.ts";
import { chooseTarget } from "../../../decide/target.ts";
import type { ServedPool } from "../../../dispatch/pool.ts";
import type { PickKey, Wish } from "../../../pick/picker.ts";
import type { HttpConnection, HttpListener } from "../client.ts";
import type { RequestView } from "../view.ts";

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

/** The wish of a client whose backend has left, and that goes to no other. */
const nowhere: Wish = { backends: [], only: true };

type Pools = Pick<HttpListener, "poolNamed">;

/** Finds the backend that a cookie names. @returns undefined where it is in none of the pools. */
function stickyBackend(target: Target, value: string, pools: Pools) {
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
  /** Where the client was before, or says that it goes; undefined: nowhere. */
  readonly wish?: Wish | undefined;
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
  const only = value !== undefined && sticky!.strict === true;
  if (known !== undefined)
    return { pool: known.pool, wish: { backends: [known.backend], only }, key, subset: known.subset };
  const field = action.kind === "pools" ? action.field : undefined;
  const { pool: name, subset } =
    field === undefined ? chooseTarget(to) : { pool: view.header(field) ?? "", subset: undefined };
  const pool = pools.poolNamed(name);
  if (pool === undefined) return undefined;
  return { pool, wish: only ? nowhere : wishIn(pool, view), key, subset };
}

/** By what a backend is picked. */
export const pickKeyOf = (
  { pool, key, wish, subset }: PoolChoice,
  view: RequestView,
  connection: Pick<HttpConnection, "serverName" | "destination">,
): PickKey => ({
  clientAddress: view.client,
  serverName: connection.serverName,
  key,
  wish,
  subset,
  destination: destinationOf(pool.definition, view, connection),
});

/** Only where it counts. */
function destinationOf(
  { destination: rule }: PlacedPool,
  view: RequestView,
  connection: Pick<HttpConnection, "destination">,
): string | undefined {
  if (rule === undefined) return undefined;
  return (rule.field === undefined ? undefined : view.header(rule.field)) ?? connection.destination;
}

/** By pool: its backends by their addresses; made once for each state of a pool that is asked. */
const addresses = new WeakMap<PlacedPool, ReadonlyMap<string, PlacedBackend>>();

function atAddress(definition: PlacedPool, address: string): PlacedBackend | undefined {
  let all = addresses.get(definition);
  if (all === undefined) {
    all = new Map(definition.backends.map((backend) => [backend.address, backend]));
    addresses.set(definition, all);
  }
  return all.get(address);
}

/** So many addresses in a field are looked at. */
const mostNamed = 16;

/** The backends that fields of the request name, in their order; undefined: the pool has no such fields. */
function wishIn({ definition }: ServedPool, view: RequestView): Wish | undefined {
  const { backendFields } = definition.http;
  if (backendFields === undefined) return undefined;
  const named = backendFields.flatMap((field) => view.header(field)?.split(",", mostNamed) ?? []);
  const backends = named.flatMap((address) => atAddress(definition, address.trim()) ?? []);
  return { backends, only: false };
}

/** The value by which a client says where it was; undefined: it does not. */
function stickyOf({ cookie, field, wraps }: Sticky, view: RequestView): string | undefined {
  const text = field === undefined ? cookieValue(view.header("cookie"), cookie) : view.header(field);
  if (text === undefined) return undefined;
  if (wraps === true) return unwrapSticky(text)?.value;
  return isStickyValue(text) ? text : undefined;
}
