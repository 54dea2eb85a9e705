import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import { type SocketAddress, unmapAddress } from "../lib/address.ts";
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
 * - Changes are for this machine alone. So are answers that cost the data plane time or describe the machine.
 *
 * A unix socket is protected by the rights of its file.
 * @param bind where the server listens. @param remote the rights of clients on other machines.
 */
export function refusal(
  request: IncomingMessage,
  bind: SocketAddress,
  remote: AdminRights,
): string | undefined {
  if (bind.kind === "unix") return undefined;
  const { host, origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    return `requests from web pages of ${origin} are not answered`;
  const looks = request.method === "GET" || request.method === "HEAD";
  const path = request.url?.split("?", 1)[0];
  const inner = !looks || innerPaths.includes(path) || (remote === "scrape" && !scrapedPaths.includes(path));
  if ((inner || isLoopback(bind.host)) && host !== undefined && !isOwnName(host, bind))
    return `the host ${host} is not this server's name; use localhost or an IP address`;
  if (inner && !isFromHere(request.socket))
    return "this is only for clients on umay's own machine or in its container; run umay's command there";
  return undefined;
}

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

/** Whether a client is on umay's own machine; a client of a unix socket has no address. */
export function isFromHere({ remoteAddress: peer, localAddress }: Ends): boolean {
  return peer !== undefined && (isLoopback(unmapAddress(peer)) || peer === localAddress);
}

interface Ends {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
}

function isLoopback(host: string): boolean {
  return isIPv6(host) ? host === "::1" : host === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
