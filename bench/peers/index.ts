import { fileURLToPath } from "node:url";
import { caddy } from "./caddy.ts";
import { envoy } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { hitch } from "./hitch.ts";
import { nginx } from "./nginx.ts";
import { nodeRelay } from "./node-relay.ts";
import type { Peer } from "./peer.ts";
import { stunnel } from "./stunnel.ts";
import { traefik } from "./traefik.ts";
import { umay } from "./umay.ts";

/** This checkout; its build is what `npm run bench` measures. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that can be measured, umay first. `node` runs umay and the bare relay. */
export function allPeers(node: string): readonly Peer[] {
  const others = [haproxy, nginx, hitch, stunnel, envoy, caddy, traefik];
  return [umay("umay", root, node), ...others, nodeRelay(node)];
}
