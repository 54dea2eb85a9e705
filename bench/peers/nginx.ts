import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionOf } from "../machine.ts";
import type { Peer, Place } from "./peer.ts";
import { type Located, named, type Program, pathOf } from "./program.ts";

export const nginxProgram: Program = { command: "nginx", versionArgs: ["-v"], version: /nginx\/(\S+)/ };

/** Where Debian and nginx's own packages keep the stream module when it is not compiled in. */
const streamModules = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"].map((folder) =>
  join(folder, "ngx_stream_module.so"),
);

/** The first lines of any nginx configuration here: in the foreground, everything in one folder. */
export function nginxPreamble(folder: string, workers: number): string {
  return `
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
worker_processes ${workers};
`;
}

export function nginx(program: Located): Peer {
  const { file, found, release } = program;
  const builtIn = versionOf(file, ["-V"], /--with-stream(?=\s)/) === "--with-stream";
  // A module fits the nginx that it was built with, which is that of the same system.
  const module = builtIn || release !== "" ? undefined : streamModules.find((path) => existsSync(path));
  const relays = builtIn || module !== undefined;
  return {
    ...named("nginx", "nginx stream", program),
    version: () => (relays ? found : undefined),
    missing: found === undefined ? program.missing : "it has no stream module",
    prepare(place) {
      const path = join(place.folder, "nginx.conf");
      writeFileSync(path, configuration(place, module));
      return { file: pathOf(program), args: ["-p", place.folder, "-c", path] };
    },
  };
}

function configuration(place: Place, module: string | undefined): string {
  const format = 'log_format session "$remote_addr $status $bytes_received $bytes_sent $session_time";';
  return `
${module === undefined ? "" : `load_module ${module};`}
${nginxPreamble(place.folder, place.workers)}
events { worker_connections ${2 * place.maxSessions + 100}; }
stream {
  ${place.sessionLog ? `${format} access_log ${place.folder}/access.log session;` : "access_log off;"}
  server {
    listen 127.0.0.1:${place.port} ssl backlog=4096;
    ssl_certificate ${place.certificate.cert};
    ssl_certificate_key ${place.certificate.key};
    ssl_protocols TLSv1.3;
    proxy_connect_timeout 5s;
    proxy_timeout 1h;
    proxy_pass 127.0.0.1:${place.backendPort};
  }
}
`;
}
