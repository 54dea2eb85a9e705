import { fileURLToPath } from "node:url";
import { caddy } from "./caddy.ts";
import { envoy, envoyProgram } from "./envoy.ts";
import { haproxy, haproxyProgram } from "./haproxy.ts";
import { hitch } from "./hitch.ts";
import { nginx, nginxProgram } from "./nginx.ts";
import { nodeRelay } from "./node-relay.ts";
import type { Peer } from "./peer.ts";
import { onPath, releaseOf } from "./program.ts";
import { stunnel } from "./stunnel.ts";
import { traefik } from "./traefik.ts";
import { umay } from "./umay.ts";

/** This checkout; its build is what `npm run bench` measures. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that can be measured, umay first. `node` runs umay and the bare relay. */
export function allPeers(node: string): readonly Peer[] {
  const others = [
    haproxy(onPath(haproxyProgram)),
    haproxy(releaseOf(haproxyProgram, "3.2")),
    nginx(onPath(nginxProgram)),
    nginx(releaseOf(nginxProgram, "1.30")),
    hitch,
    stunnel,
    envoy(onPath(envoyProgram)),
    envoy(releaseOf(envoyProgram, "1.40")),
    caddy,
    traefik,
  ];
  return [umay("umay", root, node), ...others, nodeRelay(node)];
}
