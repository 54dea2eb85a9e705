import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import { type SocketAddress, unmapAddress } from "../lib/address.ts";

/** A worker answers it, and its sessions wait meanwhile. */
export const explainPath = "/explain";
/** Names files and hosts that are nobody else's business. */
export const configPath = "/config";

const innerPaths: readonly (string | undefined)[] = [explainPath, configPath];

/**
 * Why a request is not answered; undefined: it is. Without passwords, what protects the admin server is who can reach it,
 * and two kinds of callers reach it without being meant to: web pages, through the browser of somebody on this machine,
 * and whoever may scrape metrics from elsewhere. So:
 *
 * - A request that says that it comes from another web page (Origin, RFC 6454) is refused.
 * - Where only this machine is served, so is one that names another host: a page whose name was pointed to a loopback
 *   address (DNS rebinding) cannot help sending that name.
 * - What changes something is for this machine alone, and so is what costs the data plane time or tells of the machine.
 *
 * A unix socket's file has rights of its own.
 * @param bind where the server listens.
 */
export function refusal(request: IncomingMessage, bind: SocketAddress): string | undefined {
  if (bind.kind === "unix") return undefined;
  const { host, origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    return `requests from web pages of ${origin} are not answered`;
  const looks = request.method === "GET" || request.method === "HEAD";
  const inner = !looks || innerPaths.includes(request.url?.split("?", 1)[0]);
  if ((inner || isLoopback(bind.host)) && host !== undefined && !isOwnName(host, bind))
    return `the host ${host} is not this server's name; use localhost or an IP address`;
  if (inner && !isFromHere(request))
    return "this is only for clients on umay's own machine or in its container; run umay's command there";
  return undefined;
}

/** A name that DNS cannot have been made to say: an IP address, localhost (RFC 6761), or what the configuration has. */
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

function isFromHere({ socket }: IncomingMessage): boolean {
  const peer = socket.remoteAddress;
  return peer !== undefined && (isLoopback(unmapAddress(peer)) || peer === socket.localAddress);
}

function isLoopback(host: string): boolean {
  return isIPv6(host) ? host === "::1" : host === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
