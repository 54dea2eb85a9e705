import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
} from "node:tls";
import type { Certificate } from "../model/material.ts";
import type { PoolTls } from "../model/pool.ts";
import { trustOptions } from "./trust.ts";

/**
 * How backends are verified, and what they are shown.
 * @param groups for the key exchange, colon-separated; undefined: OpenSSL's.
 * @throws where OpenSSL refuses a certificate or a CA.
 */
export function createBackendContext(
  { verify, ca, certificate }: PoolTls,
  groups: string | undefined,
): SecureContext {
  return createSecureContext({
    // Without CAs, Node would trust the list that it was built with.
    ...(verify && (ca === undefined ? { ca: getCACertificates("system") } : trustOptions(ca, undefined))),
    ...(certificate !== undefined && certificateOptions(certificate)),
    ...(groups !== undefined && { ecdhCurve: groups }),
  });
}

/** What decides whether OpenSSL takes a certificate that backends are shown, to try it before that. */
export function certificateOptions({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key };
}
