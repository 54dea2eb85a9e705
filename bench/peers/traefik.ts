import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Peer, Place } from "./peer.ts";

/** Traefik's access log covers HTTP only: its TCP routers have no session log. */
export const traefik: Peer = {
  name: "traefik",
  title: "Traefik TCP",
  mode: "tcp",
  version: () => versionOf("traefik", ["version"], /Version:\s+(\S+)/),
  prepare(place) {
    const dynamic = join(place.folder, "dynamic.json");
    const file = join(place.folder, "traefik.yml");
    writeFileSync(dynamic, JSON.stringify(routing(place)));
    writeFileSync(file, JSON.stringify(installation(place, dynamic)));
    const env = { GOMAXPROCS: String(place.workers) };
    return { file: find("traefik")!, args: [`--configFile=${file}`], env };
  },
};

/** The start-up configuration: JSON is YAML. */
function installation(place: Place, dynamic: string): object {
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "ERROR" },
    entryPoints: { bench: { address: `127.0.0.1:${place.port}` } },
    providers: { file: { filename: dynamic, watch: false } },
  };
}

function routing(place: Place): object {
  const { cert, key } = place.certificate;
  return {
    tcp: {
      routers: { bench: { entryPoints: ["bench"], rule: "HostSNI(`*`)", service: "bench", tls: {} } },
      services: { bench: { loadBalancer: { servers: [{ address: `127.0.0.1:${place.backendPort}` }] } } },
    },
    tls: {
      options: { default: { minVersion: "VersionTLS13" } },
      stores: { default: { defaultCertificate: { certFile: cert, keyFile: key } } },
    },
  };
}
