import { X509Certificate } from "node:crypto";
import { rename } from "node:fs/promises";
import { readWhole } from "../lib/read-file.ts";
import type { AcmeSettings } from "../model/acme.ts";
import type { PairSource } from "../model/material.ts";
import { Authority } from "./authority.ts";

const mostBytes = 1024 * 1024;
/** CRLReason "superseded" (RFC 5280 section 5.3.1): another one takes its place. */
const superseded = 4;

/**
 * Revokes the certificate in a file of the storage and puts the file aside, so that another one is ordered (RFC 8555
 * section 7.6). @throws where there is none, or the authority refuses.
 */
export async function revoke(settings: AcmeSettings, { cert: file }: PairSource): Promise<void> {
  const { raw } = new X509Certificate(await readWhole(file, mostBytes));
  const authority = new Authority(settings, settings.directory, new AbortController().signal);
  await authority.work((client) => client.revoke(raw.toString("base64url"), superseded));
  await rename(file, `${file}.revoked`);
}
