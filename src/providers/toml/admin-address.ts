import { dirname, resolve } from "node:path";
import { parseAddress, type SocketAddress } from "../../lib/address.ts";
import { unreadable } from "./errors.ts";
import { findConfig } from "./find.ts";
import { interpolate } from "./interpolate.ts";
import type { LoadOptions } from "./load.ts";
import { applyOverrides } from "./override.ts";
import { parseConfig } from "./parse.ts";
import { readConfig } from "./read.ts";
import { valueAt } from "./tree.ts";

/**
 * The address of the admin server in a configuration. Other keys are not checked, and no file that they name is read: an
 * operator of umay need not be able to read its private keys.
 * @throws ConfigError when the file can't be read, or has no address to connect to.
 */
export async function readAdminAddress(options: Omit<LoadOptions, "terminal">): Promise<SocketAddress> {
  const { file, env, cwd, stdin = process.stdin } = options;
  const source = await findConfig(file, env, cwd);
  const tree = await parseConfig(await readConfig(source, stdin), source.name);
  const directory = source.file === "-" ? cwd : dirname(source.file);
  const admin = "admin" in tree ? { admin: tree["admin"] } : {};
  const { tree: own } = await interpolate(admin, env, directory);
  applyOverrides(own, env);
  const bind = valueAt(own, ["admin", "bind"]);
  if (bind === undefined)
    throw unreadable(source.name, "has no admin.bind, so its umay has no admin server to ask; add [admin]");
  const address = typeof bind === "string" ? parseAddress(bind) : undefined;
  // Not the value, which may have come from the environment.
  if (address === undefined || typeof address === "string")
    throw unreadable(source.name, "admin.bind is no address; umay check says more");
  if (address.kind === "unix") return { kind: "unix", path: resolve(directory, address.path) };
  if (address.port === 0)
    throw unreadable(
      source.name,
      'admin.bind has port 0: the system chose one, which the log line "umay is ready" has; name it with --admin',
    );
  return { ...address, host: loopbackOf.get(address.host) ?? address.host };
}

/** A server that listens on every address of its machine is asked on that one. */
const loopbackOf: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);
