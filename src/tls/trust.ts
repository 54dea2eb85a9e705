import type { SecureContextOptions } from "node:tls";
import type { Authorities, RevocationLists } from "../model/material.ts";

/** Whom a context believes about its peers' certificates. */
export function trustOptions(ca: Authorities, crl: RevocationLists | undefined): SecureContextOptions {
  return { ca: ca.pem, ...(crl !== undefined && { crl: [...crl.pems] }) };
}
