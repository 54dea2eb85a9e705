import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Peer } from "./peer.ts";

export const haproxy: Peer = {
  name: "haproxy",
  title: "HAProxy",
  version: () => versionOf("haproxy", ["-v"], /HAProxy version ([^\s-]+)/),
  prepare(place) {
    const file = join(place.folder, "haproxy.cfg");
    const log = place.sessionLog ? "\n  log stdout format raw daemon\n  option tcplog" : "";
    writeFileSync(
      file,
      `
global
  nbthread ${place.workers}
  maxconn ${place.maxSessions}
  ssl-default-bind-options ssl-min-ver TLSv1.3

defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h${log}

frontend bench
  bind 127.0.0.1:${place.port} ssl crt ${place.certificate.combined}
  default_backend bench

backend bench
  server one 127.0.0.1:${place.backendPort}
`,
    );
    return { file: find("haproxy")!, args: ["-db", "-f", file] };
  },
};
