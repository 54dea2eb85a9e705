import { fileURLToPath } from "node:url";
import { caddy } from "./caddy.ts";
import { envoy, envoyProgram } from "./envoy.ts";
import { haproxy, haproxyProgram } from "./haproxy.ts";
import { hitch } from "./hitch.ts";
import { httpProxy3 } from "./http-proxy-3.ts";
import { nginx, nginxHttp, nginxProgram } from "./nginx.ts";
import { nodeRelay } from "./node-relay.ts";
import type { Peer } from "./peer.ts";
import { onPath, releaseOf } from "./program.ts";
import { stunnel } from "./stunnel.ts";
import { traefik } from "./traefik.ts";
import { umay } from "./umay.ts";

/** This checkout; its build is what `npm run bench` measures. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that can be measured, umay first in each mode. `node` runs all that is written for Node. */
export function allPeers(node: string): readonly Peer[] {
  const [haproxies, newHaproxies] = [onPath(haproxyProgram), releaseOf(haproxyProgram, "3.2")];
  const [nginxes, newNginxes] = [onPath(nginxProgram), releaseOf(nginxProgram, "1.30")];
  const [envoys, newEnvoys] = [onPath(envoyProgram), releaseOf(envoyProgram, "1.40")];
  return [
    umay("umay", root, node, "tcp"),
    haproxy(haproxies, "tcp"),
    haproxy(newHaproxies, "tcp"),
    nginx(nginxes),
    nginx(newNginxes),
    hitch,
    stunnel,
    envoy(envoys, "tcp"),
    envoy(newEnvoys, "tcp"),
    caddy("tcp"),
    traefik,
    nodeRelay(node),
    umay("umay", root, node, "http"),
    haproxy(haproxies, "http"),
    haproxy(newHaproxies, "http"),
    nginxHttp(nginxes),
    nginxHttp(newNginxes),
    envoy(envoys, "http"),
    envoy(newEnvoys, "http"),
    caddy("http"),
    umay("umay", root, node, "http2"),
    haproxy(haproxies, "http2"),
    haproxy(newHaproxies, "http2"),
    envoy(envoys, "http2"),
    envoy(newEnvoys, "http2"),
    httpProxy3(node),
  ];
}
