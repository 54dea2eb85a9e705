import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mode, Peer, Place } from "./peer.ts";
import { type Located, named, type Program, pathOf } from "./program.ts";

export const haproxyProgram: Program = {
  command: "haproxy",
  versionArgs: ["-v"],
  version: /HAProxy version ([^\s-]+)/,
};

export function haproxy(program: Located, mode: Mode): Peer {
  return {
    ...named("haproxy", "HAProxy", program),
    mode,
    version: () => program.found,
    missing: program.missing,
    prepare(place) {
      const file = join(place.folder, "haproxy.cfg");
      writeFileSync(file, configuration(place, mode));
      return { file: pathOf(program), args: ["-db", "-f", file] };
    },
  };
}

/** Connections to the backend are shared by clients, as they are by default. */
const httpSettings = `
  timeout http-request 10s
  timeout http-keep-alive 1h
  http-reuse safe
  option forwardfor`;

function configuration(place: Place, mode: Mode): string {
  const kind = mode === "tcp" ? "tcp" : "http";
  const log = place.sessionLog ? `\n  log stdout format raw daemon\n  option ${kind}log` : "";
  const http = mode === "tcp" ? "" : httpSettings;
  const alpn = mode === "tcp" ? "" : " alpn h2,http/1.1";
  const version = mode === "http2" ? " proto h2" : "";
  return `
global
  nbthread ${place.workers}
  maxconn ${place.maxSessions}
  ssl-default-bind-options ssl-min-ver TLSv1.3

defaults
  mode ${kind}
  timeout connect 5s
  timeout client 1h
  timeout server 1h${http}${log}

frontend bench
  bind 127.0.0.1:${place.port} ssl crt ${place.certificate.combined}${alpn}
  default_backend bench

backend bench
  server one 127.0.0.1:${place.backendPort}${version}
`;
}
