import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { BodyReceiver, HeadEdits, ResponseHead } from "../../../http/message.ts";
import { bytesOf } from "../../../lib/byte-text.ts";
import type { Variable } from "../../../model/http/template.ts";
import { alternativeNames } from "../../../tls/peer-certificate.ts";
import type { AcceptingListener } from "../../accept/accepting.ts";
import type { Connection } from "../../accept/connection.ts";
import type { NamingListener } from "../../decide/misdirected.ts";
import type { ServedPool } from "../../dispatch/pool.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { LastForwarded } from "./forwarded.ts";
import type { HttpFrontend } from "./frontend.ts";

/** A listener with the pools that its routes lead to. */
export interface HttpListener extends AcceptingListener, NamingListener {
  readonly chains: AcceptingListener["chains"] & NamingListener["chains"];
  terminationOf(
    settings: string,
  ): ReturnType<AcceptingListener["terminationOf"]> & ReturnType<NamingListener["terminationOf"]>;
  /** Whether it is no longer served: its connections are to end soon. */
  readonly isRetired: boolean;
  /** Undefined: it has left the configuration, since the route was chosen that names it. */
  poolNamed(name: string): ServedPool | undefined;
}

/** A connection, as far as serving HTTP needs it. */
export type HttpConnection = Pick<
  Connection<HttpListener>,
  | "listener"
  | "raw"
  | "client"
  | "clientAddress"
  | "clientPort"
  | "number"
  | "acceptedAt"
  | "proxy"
  | "serverName"
  | "destination"
  | "tls"
  | "peer"
  | "close"
  | "decided"
>;

/** The client's side of one exchange, whichever version of HTTP it speaks. */
export interface ExchangeClient {
  readonly connection: HttpConnection;
  readonly frontend: HttpFrontend;
  readonly protocol: "HTTP/1.1" | "HTTP/2";
  /** Of the connection. */
  readonly forwarded: LastForwarded;
  /** Gets the response: its heads, then its body. */
  readonly response: ResponseSink;
  /** Takes more of the request's body. */
  resume(): void;
  /** The response is complete: whatever it was is written. */
  over(): void;
  /** Cuts the response short, so that it does not look complete; what was written of it reaches the client first. */
  abort(): void;
  /** The exchange has changed to another protocol: bytes move between two sockets as they come, until one side ends. */
  relay?(upstream: Upstream): void;
}

/** Where a response is written to. */
export interface ResponseSink extends BodyReceiver {
  /** No further request is to be served over the connection; the next head may say so. */
  isLast: boolean;
  interim(head: ResponseHead, edits?: HeadEdits): void;
  response(head: ResponseHead, follows: boolean, edits?: HeadEdits): void;
  switched(head: ResponseHead, edits?: HeadEdits): void;
}

/** Whether a client gets heads with status 103 (RFC 8297). */
export function takesEarlyHints({ frontend, protocol }: ExchangeClient): boolean {
  const { earlyHints } = frontend.front;
  return earlyHints !== "off" && (earlyHints !== "2" || protocol === "HTTP/2");
}

/** Where a client connected to: by a PROXY header, where one came. */
export function localVariable(
  name: "listener.address" | "listener.port",
  { raw, proxy, destination }: HttpConnection,
): string {
  if (name === "listener.address") return destination ?? "";
  return String(proxy?.header.destination?.port ?? raw.localPort ?? "");
}

/** The values of variables about a client's TLS. */
export function tlsVariable(name: Variable, { client, serverName, tls }: HttpConnection): string {
  if (tls === undefined) return "";
  const socket = client as unknown as TLSSocket;
  switch (name) {
    case "tls.version":
      return tls.version;
    case "tls.sni":
      return serverName;
    case "tls.cipher":
      // Null where the client has gone and nobody has been told yet.
      return (socket.getCipher() as { name: string } | null)?.name ?? "";
    case "tls.client.subject":
      return bytesOf(socket.getPeerX509Certificate()?.subject?.replaceAll("\n", ", ") ?? "");
    case "tls.client.spiffe":
      return bytesOf(spiffeId(socket.getPeerX509Certificate()));
    case "tls.client.fingerprint":
      return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase() ?? "";
    case "tls.client.xfcc":
      return bytesOf(forwardedCertificate(socket.getPeerX509Certificate()));
    default:
      return "";
  }
}

/** The client's certificate as PEM in percent-encoding, as Envoy tells of it; empty: it has shown none. */
export function encodedCertificate({ client, tls }: HttpConnection): string {
  const leaf = tls && (client as unknown as TLSSocket).getPeerX509Certificate();
  return leaf === undefined ? "" : encodeURIComponent(leaf.toString());
}

/** As Envoy writes it: `Hash=…;Subject="…";URI=…;DNS=…`. */
function forwardedCertificate(leaf: X509Certificate | undefined): string {
  if (leaf === undefined) return "";
  const subject = (leaf.subject ?? "").split("\n").reverse().join(",").replaceAll(/["\\]/g, "\\$&");
  const uris = alternativeNames(leaf, "URI").map((uri) => `;URI=${quoted(uri)}`);
  const hosts = alternativeNames(leaf, "DNS").map((host) => `;DNS=${quoted(host)}`);
  const hash = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
  return `Hash=${hash};Subject="${subject}"${uris.join("")}${hosts.join("")}`;
}

/** A value with a character that parts values is put in quotes. */
const quoted = (text: string): string =>
  /[,;="\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;

/** The first URI of SPIFFE among a certificate's names. */
function spiffeId(leaf: X509Certificate | undefined): string {
  if (leaf === undefined) return "";
  return alternativeNames(leaf, "URI").find((uri) => uri.startsWith("spiffe://")) ?? "";
}
