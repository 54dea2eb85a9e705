import { version } from "../lib/version.ts";

/** One line for people and bug reports: umay's version, and those that it depends on most. */
export const versionLine: string = `umay ${version} (Node ${process.versions.node}, OpenSSL ${process.versions.openssl})`;
