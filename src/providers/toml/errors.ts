import { ConfigError } from "../provider.ts";

/** The error for a configuration that can't be read at all. */
export function unreadable(where: string, message: string): ConfigError {
  return new ConfigError([
    { severity: "error", where, path: "", message, hint: undefined, frame: undefined },
  ]);
}
