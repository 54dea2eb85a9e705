import type { PlacedBackend } from "../../../model/backend.ts";
import type { Target } from "../../../model/chain.ts";
import { cookieValue } from "../../../model/http/cookie.ts";
import type { HttpRoute, Sticky } from "../../../model/http/route.ts";
import type { PlacedPool } from "../../../model/snapshot.ts";
import type { Labels } from "../../../model/subset.ts";
import { hashKeyOf } from "../../decide/http/hash-key.ts";
import { isStickyValue, stickyValue, unwrapSticky } from "../../decide/http/sticky.ts";
import { chooseTarget } from "../../decide/target.ts";
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

const noBackends: readonly PlacedBackend[] = [];

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
  /** Where the client was before, or says that it goes; undefined: nowhere, or there no more. */
  readonly backend: PlacedBackend | undefined;
  /** All that it says so of; undefined: none. */
  readonly others?: readonly PlacedBackend[];
  /** The text that is hashed in place of the pool's own key. */
  readonly key: string | undefined;
  /** The labels of the part of the pool that it goes to; undefined: to none in particular. */
  readonly subset?: Labels | undefined;
  /** Whether the client goes there or nowhere; undefined: no. */
  readonly only?: boolean;
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
  if (known !== undefined) return { ...known, key, only };
  const field = action.kind === "pools" ? action.field : undefined;
  const { pool: name, subset } =
    field === undefined ? chooseTarget(to) : { pool: view.header(field) ?? "", subset: undefined };
  const pool = pools.poolNamed(name);
  if (pool === undefined) return undefined;
  const others = only ? noBackends : namedBackends(pool, view);
  return { pool, backend: others[0], others, key, subset, only };
}

/** By what a backend is picked. */
export const pickKeyOf = (
  { pool, key, backend: preferred, others, subset, only }: PoolChoice,
  view: RequestView,
  connection: Pick<HttpConnection, "serverName" | "destination">,
): PickKey => ({
  clientAddress: view.client,
  serverName: connection.serverName,
  key,
  preferred,
  others,
  only,
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

/** The backends that fields of the request name, in their order, where the pool has such fields. */
function namedBackends({ definition }: ServedPool, view: RequestView): readonly PlacedBackend[] {
  const { backendFields } = definition.http;
  if (backendFields === undefined) return noBackends;
  const named = backendFields.flatMap((field) => view.header(field)?.split(",", mostNamed) ?? []);
  return named.flatMap((address) => atAddress(definition, address.trim()) ?? []);
}

/** The value by which a client says where it was; undefined: it does not. */
function stickyOf({ cookie, field, wraps }: Sticky, view: RequestView): string | undefined {
  const text = field === undefined ? cookieValue(view.header("cookie"), cookie) : view.header(field);
  if (text === undefined) return undefined;
  if (wraps === true) return unwrapSticky(text)?.value;
  return isStickyValue(text) ? text : undefined;
}
