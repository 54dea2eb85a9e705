import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeVersion } from "../machine.ts";
import type { Mode, Peer, Place } from "./peer.ts";

/** umay with everything on, in the checkout `root`, under the Node at the path `node`. */
export function umay(name: string, root: string, node: string, mode: Mode): Peer {
  const program = join(root, "bin/umay.js");
  return {
    name,
    title: name,
    mode,
    isUmay: true,
    version() {
      if (!existsSync(program) || !existsSync(join(root, "dist"))) return undefined;
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
      return `${version}, Node ${nodeVersion(node)}`;
    },
    prepare(place) {
      const file = join(place.folder, "umay.toml");
      writeFileSync(file, configuration(place, settings[mode]));
      return { file: node, args: [program, "run", "--config", file] };
    },
  };
}

const http = 'mode = "http"\nmax_requests_per_connection = 0';

/** By mode: more of the listener, and of the pool. */
const settings: Readonly<Record<Mode, { listener: string; pool: string }>> = {
  tcp: { listener: "", pool: "" },
  http: { listener: http, pool: "" },
  http2: { listener: http, pool: '[pools.bench.http]\nversion = "2"' },
};

/** A complete configuration file. */
function configuration(place: Place, { listener, pool }: { listener: string; pool: string }): string {
  return `
workers = ${place.workers}
log = { level = "info", format = "json", sessions = true }
shutdown = { timeout = "1s" }
admin = { bind = "unix:${place.folder}/admin.sock" }

[listeners.bench]
bind = "127.0.0.1:${place.port}"
pool = "bench"
max_connections = ${place.maxSessions}
${listener}

[listeners.bench.tls]
min_version = "TLSv1.3"

[[listeners.bench.tls.certificates]]
cert = "${place.certificate.cert}"
key = "${place.certificate.key}"

[pools.bench.discovery]
type = "static"
backends = ["127.0.0.1:${place.backendPort}"]
${pool}
`;
}
