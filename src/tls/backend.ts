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
  TLSSocket,
} from "node:tls";
import type { SocketAddress } from "../lib/address.ts";
import type { Certificate } from "../model/material.ts";
import type { PoolTls } from "../model/pool.ts";
import { comparable, identityError } from "./backend-identity.ts";
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
  rules: PoolTls,
  { target, hostName }: TlsPeer,
  { context, protocols, session, ...connection }: HandshakeOptions,
): TLSSocket {
  const name = rules.serverName ?? hostName;
  const anyIssuer = !rules.verify && rules.pins !== undefined;
  const options: ConnectionOptions & { readonly autoSelectFamily: boolean } = {
    ...connection,
    autoSelectFamily: false,
    secureContext: context,
    // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
    rejectUnauthorized: rules.verify || anyIssuer,
    ...(name !== undefined && { servername: name }),
    // Where the connection goes, and what is verified where there is no name: the IP address.
    ...(target.kind === "tcp" && { host: target.host }),
    ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    ...(session !== undefined && { session }),
    checkServerIdentity: (host) => identityError(rules, host, socket.getPeerX509Certificate()),
  };
  const socket = connect(options);
  keepLeaf(socket);
  socket.getPeerCertificate = (): DetailedPeerCertificate => comparable(socket.getPeerX509Certificate());
  if (anyIssuer) takeAnyIssuer(socket);
  return socket;
}

/** Node 24 gives the certificate of a server to the first who asks, and to nobody after that. */
function keepLeaf(socket: TLSSocket): void {
  let leaf: X509Certificate | undefined;
  socket.getPeerX509Certificate = () => {
    leaf ??= TLSSocket.prototype.getPeerX509Certificate.call(socket);
    return leaf;
  };
}

/**
 * Has Node go on to look at a backend's identity, whoever signed its certificate. It asks only where OpenSSL found no fault,
 * and has no option for that. Should a version of Node ask in another way, the backend is refused.
 */
function takeAnyIssuer(socket: TLSSocket): void {
  const { ssl } = socket as unknown as { readonly ssl: { verifyError(): Error | null } };
  ssl.verifyError = () => null;
}
