import type { SecureContextOptions } from "node:tls";
import type { Authorities, RevocationLists } from "../model/material.ts";

/**
 * The CAs that a context believes about its peers' certificates. Each CA is believed for itself: an intermediate one needs no
 * root behind it. With revocation lists OpenSSL checks every CA up to the root, and can't stop at one before.
 */
export function trustOptions(ca: Authorities, crl: RevocationLists | undefined): SecureContextOptions {
  return crl === undefined
    ? { ca: ca.pem, allowPartialTrustChain: true }
    : { ca: ca.pem, crl: [...crl.pems] };
}
