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
    mode: "tcp",
    version: () => (relays ? found : undefined),
    missing: found === undefined ? program.missing : "it has no stream module",
    prepare(place) {
      const path = join(place.folder, "nginx.conf");
      writeFileSync(path, configuration(place, module));
      return { file: pathOf(program), args: ["-p", place.folder, "-c", path] };
    },
  };
}

/** nginx that forwards requests. It buffers no upload, as nobody else does. */
export function nginxHttp(program: Located): Peer {
  return {
    ...named("nginx", "nginx", program),
    mode: "http",
    version: () => program.found,
    missing: program.missing,
    prepare(place) {
      const path = join(place.folder, "nginx.conf");
      writeFileSync(path, httpConfiguration(place));
      return { file: pathOf(program), args: ["-p", place.folder, "-c", path] };
    },
  };
}

/** Its own defaults end a connection after 1,000 requests, at either side. */
function httpConfiguration(place: Place): string {
  return `
${nginxPreamble(place.folder, place.workers)}
events { worker_connections ${2 * place.maxSessions + 100}; }
http {
  access_log ${place.sessionLog ? `${place.folder}/access.log` : "off"};
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  upstream bench {
    server 127.0.0.1:${place.backendPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${place.port} ssl http2 backlog=4096;
    ssl_certificate ${place.certificate.cert};
    ssl_certificate_key ${place.certificate.key};
    ssl_protocols TLSv1.3;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_temp_path ${place.folder}/proxy;
      client_body_temp_path ${place.folder}/body;
      proxy_connect_timeout 5s;
      proxy_read_timeout 1h;
    }
  }
}
`;
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
