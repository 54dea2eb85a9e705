import type { ClientRule } from "../client-auth.ts";
import type { Users } from "./users.ts";

/** Lets in clients whose certificate fits. */
export interface MtlsAuth {
  readonly kind: "mtls";
  readonly name: string;
  /** One that fits is enough. Undefined: every certificate that the listener has accepted. */
  readonly allow: readonly ClientRule[] | undefined;
}

/** Lets in users by their password (RFC 7617). */
export interface BasicAuth {
  readonly kind: "basic";
  readonly name: string;
  /** For clients, without a quotation mark. */
  readonly realm: string;
  readonly users: Users;
}

/** Something that requests have to pass before they go where their route leads. `name` is unique: `auth.staff`. */
export type Guard = BasicAuth | MtlsAuth;

/** Names of guards. Of each group one has to let a request in: they are asked in this order, and the first that does is enough. */
export type GuardGroups = readonly (readonly string[])[];

/** A guard's kind and its own name, of `auth.staff`: `auth` and `staff`. */
export function partsOfName(name: string): readonly [kind: string, name: string] {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

/** Tables with other guards of these names. */
export function withGuards<Table extends { readonly guards: readonly Guard[] }>(
  tables: readonly Table[],
  renewed: ReadonlyMap<string, Guard>,
): (Omit<Table, "guards"> & { readonly guards: readonly Guard[] })[] {
  return tables.map((table) => ({
    ...table,
    guards: table.guards.map((guard) => renewed.get(guard.name) ?? guard),
  }));
}
