import { type KeySet, readKeySet } from "../lib/key-set.ts";
import { describeReadError, mebibyte, readWhole } from "../lib/read-file.ts";
import type { FileSource } from "../model/material.ts";
import type { Loaded } from "./pem.ts";

/** Reads a file with a set of public keys (JWKS, RFC 7517). */
export async function loadKeySet({ file }: FileSource): Promise<Loaded<KeySet>> {
  try {
    const set = readKeySet((await readWhole(file, mebibyte)).toString("utf8"));
    return typeof set === "string" ? { problem: set } : { value: set };
  } catch (error) {
    return { problem: describeReadError(error) };
  }
}
