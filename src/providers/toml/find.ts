import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { unreadable } from "./errors.ts";

/** Where a configuration is read from. */
export interface Source {
  /** Absolute path, or `-` for standard input. */
  readonly file: string;
  /** As a person wrote it or will look for it; problems name it. */
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

/** A file that exists but may not be looked at is chosen too: reading it then says what is wrong. */
async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}
