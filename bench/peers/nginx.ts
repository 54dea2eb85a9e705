import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Peer } from "./peer.ts";

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

export const nginx: Peer = {
  name: "nginx",
  title: "nginx stream",
  version() {
    const builtIn = versionOf("nginx", ["-V"], /--with-stream(?=\s)/) === "--with-stream";
    if (!builtIn && !streamModules.some((path) => existsSync(path))) return undefined;
    return versionOf("nginx", ["-v"], /nginx\/(\S+)/);
  },
  prepare(place) {
    const file = join(place.folder, "nginx.conf");
    const module = streamModules.find((path) => existsSync(path));
    const format = 'log_format session "$remote_addr $status $bytes_received $bytes_sent $session_time";';
    writeFileSync(
      file,
      `
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
`,
    );
    return { file: find("nginx")!, args: ["-p", place.folder, "-c", file] };
  },
};
