import type { Fields } from "../../../../http/message.ts";
import type { PlacedBackend } from "../../../../model/backend.ts";
import type { Sticky } from "../../../../model/http/route.ts";
import { stickyCookie, stickyValue, unwrapSticky, wrapSticky } from "../../../decide/http/sticky.ts";
import type { Dispatch } from "../../../dispatch/dispatch.ts";
import type { FieldChanges } from "../heads.ts";
import type { RequestView } from "../view.ts";
import type { PoolChoice } from "./sticky-pick.ts";

/** By backend: what stands for it. */
const values = new WeakMap<PlacedBackend, string>();

function nameOf(pool: string, backend: PlacedBackend): string {
  const known = values.get(backend);
  if (known !== undefined) return known;
  const made = stickyValue(pool, backend.address);
  values.set(backend, made);
  return made;
}

/** Has a backend get its own value of a field whose value for clients names the backend. */
export function unwrapField(sticky: Sticky | undefined, fields: Fields, edits: FieldChanges): void {
  if (sticky?.wraps !== true) return;
  const at = only(fields, sticky.field!);
  const parts = at < 0 ? undefined : unwrapSticky(fields.value(at));
  if (parts !== undefined) replace(at, `${sticky.field}: ${parts.own}\r\n`, edits);
}

/**
 * Has a client stay where it is: by the field, or the cookie, that names the backend.
 * @param forward has the choice of a pool that was made for the client, and the backend that answers.
 */
export function keepClient(
  sticky: Sticky | undefined,
  { scheme }: RequestView,
  forward: { readonly choice: PoolChoice; readonly backend: { readonly dispatch: Dispatch } },
  fields: Fields,
  edits: FieldChanges,
): void {
  if (sticky === undefined) return;
  const { pool, backend: present } = forward.backend.dispatch;
  if (present === undefined) return;
  const { field, wraps } = sticky;
  if (wraps === true) {
    const at = only(fields, field!);
    if (at < 0) return;
    const value = wrapSticky(nameOf(pool.definition.name, present), fields.value(at));
    replace(at, `${field}: ${value}\r\n`, edits);
    return;
  }
  if (present.slot === forward.choice.wish?.backends[0]?.slot) return;
  const value = nameOf(pool.definition.name, present);
  edits.lines +=
    field === undefined
      ? `set-cookie: ${stickyCookie(sticky, value, scheme === "https")}\r\n`
      : `${field}: ${value}\r\n`;
}

/** The index of the field with this name; -1 where there is none, or where there are several. */
function only(fields: Fields, name: string): number {
  const at = fields.findName(name);
  return at >= 0 && fields.findName(name, at + 1) >= 0 ? -1 : at;
}

/** Unless the route has dropped it, or has set another value. */
function replace(at: number, line: string, edits: FieldChanges): void {
  if (edits.dropped[at] === 1) return;
  edits.dropped[at] = 1;
  edits.lines += line;
}
