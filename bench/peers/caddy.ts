import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Mode, Peer, Place } from "./peer.ts";

/** Caddy as it is shipped has no TCP proxy, so beside TCP relays it does more: it forwards HTTP/1.1 requests. */
export function caddy(mode: Mode): Peer {
  return {
    name: "caddy",
    title: mode === "tcp" ? "Caddy (HTTP)" : "Caddy",
    mode,
    version: () => versionOf("caddy", ["version"], /^v?(\S+)/),
    prepare(place) {
      const file = join(place.folder, "caddy.json");
      writeFileSync(file, JSON.stringify(settings(place, mode)));
      const env = {
        GOMAXPROCS: String(place.workers),
        XDG_DATA_HOME: place.folder,
        XDG_CONFIG_HOME: place.folder,
      };
      return { file: find("caddy")!, args: ["run", "--config", file], env };
    },
  };
}

function settings(place: Place, mode: Mode): object {
  const { cert, key } = place.certificate;
  const server = {
    listen: [`127.0.0.1:${place.port}`],
    protocols: mode === "tcp" ? ["h1"] : ["h1", "h2"],
    automatic_https: { disable: true },
    tls_connection_policies: [{ protocol_min: "tls1.3" }],
    routes: [
      { handle: [{ handler: "reverse_proxy", upstreams: [{ dial: `127.0.0.1:${place.backendPort}` }] }] },
    ],
    ...(place.sessionLog ? { logs: {} } : {}),
  };
  return {
    admin: { disabled: true },
    logging: { logs: { default: { level: place.sessionLog ? "INFO" : "ERROR" } } },
    apps: {
      tls: { certificates: { load_files: [{ certificate: cert, key }] } },
      http: { servers: { bench: server } },
    },
  };
}
