import { version } from "../lib/version.ts";

/** One line for people and bug reports: the versions of umay and of its most important dependencies. */
export const versionLine: string = `umay ${version} (Node ${process.versions.node}, OpenSSL ${process.versions.openssl})`;
