import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, freePort } from "../machine.ts";
import { nginxPreamble } from "../peers/nginx.ts";
import { accepting, makeFolder, type Running, start } from "../process.ts";
import { bulkBytes, mediumBytes, smallBytes } from "../works/work.ts";

export interface Backend {
  readonly port: number;
  /** It speaks HTTP/2 there, to clients that know that it does. */
  readonly http2Port: number;
  readonly running: Running;
}

/** Starts a server that answers from memory, for all proxies alike. */
export async function startBackend(cpus: string, workers: number): Promise<Backend> {
  const program = find("nginx");
  if (program === undefined)
    throw new Error("the benchmark's backend is nginx: install it (apt install nginx)");
  const folder = makeFolder(existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const [port, http2Port] = [await freePort(), await freePort()];
  writeFileSync(join(folder, "bulk"), Buffer.alloc(bulkBytes, "umay"));
  writeFileSync(join(folder, "medium"), Buffer.alloc(mediumBytes, "umay"));
  writeFileSync(join(folder, "nginx.conf"), configuration(folder, port, http2Port, workers));
  const command = { file: program, args: ["-p", folder, "-c", join(folder, "nginx.conf")] };
  const running = start(command, cpus, join(folder, "output.log"));
  await accepting(running, port);
  return { port, http2Port, running };
}

/** The upload is read to its end into memory, and only then answered: what is passed on has no body. */
function configuration(folder: string, port: number, http2Port: number, workers: number): string {
  return `
${nginxPreamble(folder, workers)}
events { worker_connections 30000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  open_file_cache max=10 inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
    location = /small { return 200 "${"Hello, Umay!".slice(0, smallBytes)}"; }
    location = /upload {
      client_max_body_size 0;
      client_body_buffer_size ${bulkBytes + 4096};
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_pass http://unix:${folder}/sink.sock:/;
    }
  }
  server {
    listen 127.0.0.1:${http2Port} http2 backlog=4096;
    http2_max_requests 1000000000;
    location = /small { return 200 "${"Hello, Umay!".slice(0, smallBytes)}"; }
  }
  server {
    listen unix:${folder}/sink.sock;
    location / { return 200 "Hello, Umay!"; }
  }
}
`;
}
