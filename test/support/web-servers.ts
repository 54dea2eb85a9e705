import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";
import { patient } from "./patience.ts";

/** A server of HTTP, as a backend. */
export interface WebServer extends AsyncDisposable {
  readonly address: string;
  /** The lines of its access log so far: request line and status. */
  readonly log: readonly string[];
}

/** Where to find a program, by the path that Debian gives it. @returns undefined: it is not installed. */
function installed(...paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  });
}

export const nginx = installed("/usr/sbin/nginx");
export const apache = installed("/usr/sbin/apache2");
const apacheModules = "/usr/lib/apache2/modules";

/** An nginx that passes on to another server what it has understood. @param to its address. @param http2 it is asked in HTTP/2. */
export function startNginx(to: string, http2 = false): Promise<WebServer> {
  return startServer(
    (dir, port) => `
      daemon off;
      master_process off;
      pid ${dir}/pid;
      error_log ${dir}/error.log;
      events { worker_connections 1024; }
      http {
        log_format seen '$request $status';
        access_log ${dir}/access.log seen;
        client_body_temp_path ${dir}/body;
        proxy_temp_path ${dir}/proxy;
        fastcgi_temp_path ${dir}/fastcgi;
        uwsgi_temp_path ${dir}/uwsgi;
        scgi_temp_path ${dir}/scgi;
        client_max_body_size 0;
        server {
          listen 127.0.0.1:${port}${http2 ? " http2" : ""};
          location / {
            proxy_pass http://${to};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
          }
        }
      }`,
    (file) => [nginx!, "-c", file, "-e", "stderr"],
  );
}

/** An Apache that does the same. */
export function startApache(to: string): Promise<WebServer> {
  const modules = ["mpm_event", "authz_core", "log_config", "proxy", "proxy_http"]
    .filter((name) => installed(`${apacheModules}/mod_${name}.so`) !== undefined)
    .map((name) => `LoadModule ${name}_module ${apacheModules}/mod_${name}.so`);
  return startServer(
    (dir, port) => `
ServerRoot ${dir}
ServerName localhost
PidFile ${dir}/pid
DefaultRuntimeDir ${dir}
${modules.join("\n")}
Listen 127.0.0.1:${port}
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
KeepAlive On
MaxKeepAliveRequests 0
ErrorLog ${dir}/error.log
LogFormat "%r %>s" seen
CustomLog ${dir}/access.log seen
AllowEncodedSlashes NoDecode
MergeSlashes Off
ProxyPass / http://${to}/ nocanon
`,
    (file) => [apache!, "-f", file, "-DFOREGROUND"],
  );
}

async function startServer(
  configuration: (dir: string, port: number) => string,
  command: (file: string) => readonly string[],
): Promise<WebServer> {
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-server-"));
  const [port] = await freePorts(1);
  const file = join(dir.path, "server.conf");
  writeFileSync(file, configuration(dir.path, port!));
  const [program, ...args] = command(file);
  const child = endWithTest(spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] }));
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const exited = once(child, "exit");
  await listens(port!, child, () => errors);
  return {
    address: `127.0.0.1:${port}`,
    get log() {
      return readFileSync(join(dir.path, "access.log"), "utf8").split("\n").slice(0, -1);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      dir.remove();
    },
  };
}

async function listens(port: number, child: ChildProcess, errors: () => string): Promise<void> {
  const deadline = performance.now() + patient(10_000);
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`the server did not start: ${errors()}`);
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}

/** A request as a backend has read it, whole. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** In bytes. */
  readonly body: number;
}

/** A server of Node that knows what it has read. By default it answers with the target. */
export class NodeServer implements AsyncDisposable {
  readonly server: Server;
  readonly seen: SeenRequest[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(
    answer: (response: ServerResponse, request: IncomingMessage, body: number) => void = (
      response,
      { url },
    ) => response.end(url),
  ): Promise<NodeServer> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const started = new NodeServer(server);
    server.on("request", (request, response) => {
      let body = 0;
      request.on("error", () => {});
      response.on("error", () => {});
      request.on("data", (chunk: Buffer) => {
        body += chunk.length;
      });
      request.on("end", () => {
        const { method = "", url: target = "", headers } = request;
        started.seen.push({ method, target, headers, body });
        answer(response, request, body);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return started;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
