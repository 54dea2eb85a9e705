import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type DetailedPeerCertificate,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import type { SocketAddress } from "../lib/address.ts";
import type { Certificate } from "../model/material.ts";
import type { PoolTls } from "../model/pool.ts";
import { trustOptions } from "./trust.ts";

/** A backend, as far as TLS with it goes. */
export interface TlsPeer {
  readonly target: SocketAddress;
  /** Undefined: its address is all that is known. */
  readonly hostName?: string | undefined;
}

/** The options that differ between callers that speak TLS to a backend. */
export interface HandshakeOptions {
  /** The connection that the handshake is made on; undefined: a connection that is made for it, to `port` or `path`. */
  readonly socket?: Socket;
  readonly port?: number;
  readonly path?: string;
  readonly allowHalfOpen?: boolean;
  /** In bytes. */
  readonly highWaterMark?: number;
  readonly context: SecureContext;
  /** Application protocols to offer, in order of preference; empty: ALPN is not negotiated. */
  readonly protocols: readonly string[];
  /** To resume (RFC 8446 section 2.2, RFC 5077). */
  readonly session: Buffer | undefined;
}

/**
 * The context that verifies backends and shows them a certificate.
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

/** The options that decide whether OpenSSL takes a certificate for backends, to try it before it is used. */
export function certificateOptions({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key };
}

/**
 * Begins the handshake with a backend, on `socket` or a connection of its own.
 * @returns a socket that emits `secureConnect` once the backend is verified as far as the pool asks for it, or `error`.
 */
export function beginTls(
  { verify, serverName }: PoolTls,
  { target, hostName }: TlsPeer,
  { context, protocols, session, ...connection }: HandshakeOptions,
): TLSSocket {
  const name = serverName ?? hostName;
  const options: ConnectionOptions & { readonly autoSelectFamily: boolean } = {
    ...connection,
    autoSelectFamily: false,
    secureContext: context,
    // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
    rejectUnauthorized: verify,
    ...(name !== undefined && { servername: name }),
    // Where the connection goes, and what is verified where there is no name: the IP address.
    ...(target.kind === "tcp" && { host: target.host }),
    ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    ...(session !== undefined && { session }),
  };
  const socket = connect(options);
  socket.getPeerCertificate = (): DetailedPeerCertificate => identityOf(socket.getPeerX509Certificate());
  return socket;
}

/**
 * The part of a certificate that `tls.checkServerIdentity` looks at. Node asks a socket for its peer's whole chain as plain objects before it
 * compares names, and making one of a certificate whose key is on a curve that NIST has no name for, such as brainpool,
 * ends the process with a segmentation fault.
 */
function identityOf(leaf: X509Certificate | undefined): DetailedPeerCertificate {
  const names = [...(leaf?.subject ?? "").matchAll(/^CN=(.*)$/gm)].map((match) => match[1]!);
  return {
    subject: { CN: names },
    subjectaltname: leaf?.subjectAltName,
  } as unknown as DetailedPeerCertificate;
}
