import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peer.ts";
import { type Located, named, type Program, pathOf } from "./program.ts";

export const haproxyProgram: Program = {
  command: "haproxy",
  versionArgs: ["-v"],
  version: /HAProxy version ([^\s-]+)/,
};

export function haproxy(program: Located): Peer {
  return {
    ...named("haproxy", "HAProxy", program),
    version: () => program.found,
    missing: program.missing,
    prepare(place) {
      const file = join(place.folder, "haproxy.cfg");
      writeFileSync(file, configuration(place));
      return { file: pathOf(program), args: ["-db", "-f", file] };
    },
  };
}

function configuration(place: Place): string {
  const log = place.sessionLog ? "\n  log stdout format raw daemon\n  option tcplog" : "";
  return `
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
`;
}
