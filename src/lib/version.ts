import { readFileSync } from "node:fs";

/** The version of this program, from its package. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

/** The commit that the program was built from; empty where the sources run, or the build did not know it. */
export const revision: string = process.env["UMAY_BUILD_REVISION"] ?? "";
