import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { unreadable } from "./errors.ts";

/** The file or stream of a configuration. */
export interface Source {
  /** Absolute path, or `-` for standard input. */
  readonly file: string;
  /** The name for a person, used in problems. */
  readonly name: string;
}

const searched = ["umay.toml", "config/umay.toml", "/etc/umay/umay.toml"];

/**
 * Chooses the configuration file: the named one, `UMAY_CONFIG`, `./umay.toml`, `./config/umay.toml`,
 * `/etc/umay/umay.toml`, in this order.
 * @throws ConfigError when none is named and none of the usual places has one.
 */
export async function findConfig(
  named: string | undefined,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<Source> {
  const name = named ?? (env["UMAY_CONFIG"] || undefined);
  if (name === "-") return { file: "-", name: "<stdin>" };
  if (name !== undefined) return { file: resolve(cwd, name), name };
  for (const place of searched) {
    const file = resolve(cwd, place);
    if (await exists(file)) return { file, name: place };
  }
  throw unreadable(
    "umay",
    `no configuration file: looked for ${searched.join(", ")} (from ${cwd}); name one with --config FILE ` +
      "or UMAY_CONFIG, or run `umay demo` to see umay work without one",
  );
}

/** Whether there is a configuration to find: one is named, or one of the usual places has one. */
export async function hasConfig(
  named: string | undefined,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<boolean> {
  if ((named ?? (env["UMAY_CONFIG"] || undefined)) !== undefined) return true;
  const found = await Promise.all(searched.map((place) => exists(resolve(cwd, place))));
  return found.includes(true);
}

/** A file that exists but can't be accessed is chosen too; reading it then gives the error. */
async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}
