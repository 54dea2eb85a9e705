import { readFileSync } from "node:fs";

/** One line for people and bug reports: umay's version, and those that it depends on most. */
export function versionLine(): string {
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return `umay ${version} (Node ${process.versions.node}, OpenSSL ${process.versions.openssl})`;
}
