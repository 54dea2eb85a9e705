import { createHook } from "node:async_hooks";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import type { StartOptions } from "./umay.ts";

/*
 * Loaded with `--import` into every thread of a umay, this module counts what the workers make for TLS. For a test, it tells
 * the number.
 */

const file = process.env["UMAY_TEST_TLS_COUNT"];

if (file !== undefined && !isMainThread)
  createHook({ init: (_, type) => type === "TLSWRAP" && appendFileSync(file, "x") }).enable();

/** Options for a umay whose TLS is counted. @param path of a file that does not exist. */
export function countedTls(path: string): StartOptions {
  writeFileSync(path, "");
  return { nodeArgs: ["--import", import.meta.url], env: { UMAY_TEST_TLS_COUNT: path } };
}

/** Connections so far for which a worker has begun TLS. */
export const tlsBegun = (path: string): number => readFileSync(path).length;
