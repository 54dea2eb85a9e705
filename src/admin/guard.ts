import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import { type SocketAddress, unmapAddress } from "../lib/address.ts";
import { type Ends, userOfPeer } from "../lib/socket-user.ts";
import type { AdminRights } from "../model/model.ts";

/** A worker answers this path, and its sessions wait meanwhile. */
export const explainPath = "/explain";
/** The answer names files and hosts that are private to the machine. */
export const configPath = "/config";

/** The answer names clients, and every worker makes its part of it. */
export const sessionsPath = "/sessions";

/** The answer has all resources of a control plane. */
const dumpPath = "/config_dump";

const innerPaths: readonly (string | undefined)[] = [explainPath, configPath, sessionsPath, dumpPath];
/** Probes and metrics, by umay's names and by Envoy's. */
const scrapedPaths: readonly (string | undefined)[] = [
  "/livez",
  "/readyz",
  "/metrics",
  "/ready",
  "/stats/prometheus",
];

/**
 * Says why a request is not answered; undefined when it is answered. The admin server has no passwords: a client's
 * rights follow from how it reaches the server. Two kinds of clients can reach it that should not change anything: web
 * pages in a browser on this machine, and clients elsewhere that may scrape metrics. So:
 *
 * - A request from another web page (Origin, RFC 6454) is refused.
 * - Where only this machine is served, a request that names another host is refused too. A page whose name was pointed to
 *   a loopback address (DNS rebinding) always sends that name.
 * - Changes are for programs of umay's own user and of root, on this machine. So are answers that cost the data plane time or
 *   describe the machine. An address alone says little: a proxy, a sidecar or a neighbour on the same network shares it. See
 *   ADR 0052.
 *
 * A unix socket is protected by the rights of its file.
 * @param bind where the server listens. @param remote the rights of all others. @param userOf for tests.
 */
export async function refusal(
  request: IncomingMessage,
  bind: SocketAddress,
  remote: AdminRights,
  userOf: typeof userOfPeer = userOfPeer,
): Promise<string | undefined> {
  if (bind.kind === "unix") return undefined;
  const { host, origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    return `requests from web pages of ${origin} are not answered`;
  const looks = request.method === "GET" || request.method === "HEAD";
  const path = request.url?.split("?", 1)[0];
  const inner = !looks || innerPaths.includes(path) || (remote === "scrape" && !scrapedPaths.includes(path));
  if ((inner || isLoopback(bind.host)) && host !== undefined && !isOwnName(host, bind))
    return `the host ${host} is not this server's name; use localhost or an IP address`;
  if (!inner) return undefined;
  if (!isFromHere(request.socket)) return notForThem;
  try {
    const user = await userOf(request.socket);
    return user !== undefined && [0, process.geteuid?.()].includes(user) ? undefined : notForThem;
  } catch (error) {
    return `umay cannot tell whose program this is (${(error as Error).message}); let admin.bind be a unix socket`;
  }
}

const notForThem =
  "this is only for programs of umay's own user or of root, on umay's own machine or in its container; run umay's command there, as one of them";

/** A name that DNS can't forge: an IP address, localhost (RFC 6761), or the name in the configuration. */
function isOwnName(host: string, bind: SocketAddress & { kind: "tcp" }): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const address = name.startsWith("[") ? name.slice(1, -1) : name;
  return (
    isIP(address) !== 0 ||
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === bind.host.toLowerCase()
  );
}

/** Whether a client has an address of umay's own machine, which says nothing of its rights. A client of a unix socket has none. */
export function isFromHere({
  remoteAddress: peer,
  localAddress,
}: Pick<Ends, "remoteAddress" | "localAddress">): boolean {
  return peer !== undefined && (isLoopback(unmapAddress(peer)) || peer === localAddress);
}

function isLoopback(host: string): boolean {
  return isIPv6(host) ? host === "::1" : host === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
