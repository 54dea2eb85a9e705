/** node node-proxy.ts FOLDER PORT BACKEND_PORT CERT KEY: http-proxy-3 as its README has it, with HTTP/2 and kept connections. */
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createRequire } from "node:module";
import { join } from "node:path";

interface HttpProxy3 {
  createProxyServer(options: object): {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(event: "error", listener: (error: Error, request: unknown, response: ServerResponse) => void): void;
  };
}

const [folder = "", port, backendPort, cert = "", key = ""] = process.argv.slice(2);
const { createProxyServer } = createRequire(join(folder, "index.js"))("http-proxy-3") as HttpProxy3;
const proxy = createProxyServer({
  target: `http://127.0.0.1:${backendPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 }),
  xfwd: true,
});
proxy.on("error", (_error, _request, response) => response.writeHead?.(502).end());

const server = createSecureServer(
  {
    cert: readFileSync(cert),
    key: readFileSync(key),
    minVersion: "TLSv1.3",
    allowHTTP1: true,
    http1Options: { keepAliveTimeout: 3_600_000 },
  },
  (request, response) =>
    proxy.web(request as unknown as IncomingMessage, response as unknown as ServerResponse),
);
server.on("tlsClientError", () => {});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
process.once("SIGTERM", () => process.exit(0));
