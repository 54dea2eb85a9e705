import { resolve } from "node:path";
import { errorAt, type Path } from "../../../../lib/findings.ts";
import { loadBackendAuthorities } from "../../../../material/authorities.ts";
import type { SharedStore } from "../../../../model/http/guard.ts";
import { type StoreTable, tableOf } from "../../schema/http/limit-store.ts";
import type { RateLimitSettings } from "../../schema/http/rate-limit.ts";
import type { Resolving } from "./context.ts";

/** @param path of the key `store`. */
export async function resolveStore(
  settings: NonNullable<RateLimitSettings["store"]>,
  path: Path,
  resolving: Resolving,
): Promise<SharedStore> {
  const table = tableOf(settings);
  const { url, prefix, timeout } = table;
  const { host, port, database, secure } = url;
  const either = (key: "username" | "password"): string | undefined => {
    if (table[key] !== undefined && url[key] !== undefined)
      resolving.report(errorAt([...path, key], "stands beside that of the URL; remove one of them"));
    return table[key] ?? url[key];
  };
  const [username, password] = [either("username"), either("password")];
  if (username !== undefined && password === undefined)
    resolving.report(errorAt(path, "has a username without a password; add one"));
  const ca = await caOf(table, path, resolving);
  return { host, port, username, password, database, prefix, timeout, tls: secure ? { ca } : undefined };
}

async function caOf(
  { ca: file, url: { secure } }: StoreTable,
  path: Path,
  { directory, report }: Resolving,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const at = [...path, "ca"];
  if (!secure) report(errorAt(at, "is for a URL that begins with rediss://; remove it, or speak TLS"));
  return (await loadBackendAuthorities({ kind: "file", file: resolve(directory, file) }, at, report))?.pem;
}
