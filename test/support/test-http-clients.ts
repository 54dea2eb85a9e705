import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { HttpVersion } from "../../src/model/http/front.ts";
import { testCertificates } from "./certificates.ts";
import { poolToml } from "./client.ts";
import { envoy } from "./envoy-program.ts";
import { startHttp2Envoy } from "./envoy-server.ts";
import { GoServer, goHttp2 } from "./go-server.ts";
import { contentOf, startHttp2App, startHttpApp } from "./http-app.ts";
import { type RealClient, sha256 } from "./http-clients.ts";
import { settled } from "./settled.ts";
import { type RunningUmay, startUmay } from "./umay.ts";
import { apache, nginx, startApache, startNginx } from "./web-servers.ts";

const bigBytes = 4 * 2 ** 20;
const [small, big] = [contentOf(1_000), contentOf(bigBytes)];
const digest = (bytes: Buffer): string => `POST ${bytes.length} ${sha256(bytes)}`;

/** The right answers. */
const expected = [
  `get 200 ${sha256(small)}`,
  "head 200 1000 0",
  `post 200 ${digest(small)}`,
  `chunked 200 ${digest(small)}`,
  `up 200 ${digest(big)}`,
  `down 200 ${sha256(big)}`,
  `gzip 200 ${sha256(contentOf(100_000))}`,
  `continue 200 ${digest(small)}`,
];

interface Server {
  readonly name: string;
  readonly missing: string | false;
  /** @param app the address of the application behind it. */
  start(app: string): Promise<{ readonly address: string } & AsyncDisposable>;
}

const noNginx = nginx === undefined && "nginx is not installed";
const noEnvoy = envoy === undefined && "there is no envoy on the PATH";
const noApache = apache === undefined && "Apache is not installed";

const servers: Readonly<Record<HttpVersion, readonly Server[]>> = {
  "1.1": [
    { name: "node", missing: false, start: startHttpApp },
    { name: "nginx", missing: noNginx, start: (app) => startNginx(app) },
    { name: "apache", missing: noApache, start: startApache },
  ],
  "2": [
    { name: "node", missing: false, start: startHttp2App },
    { name: "nginx", missing: noNginx, start: (app) => startNginx(app, true) },
    { name: "envoy", missing: noEnvoy, start: startHttp2Envoy },
    {
      name: "go",
      get missing() {
        return goHttp2.missing;
      },
      start: () => GoServer.start(),
    },
  ],
};

/**
 * Has each client make its requests through umay to each server that is installed.
 * @param version that both speak; clients speak HTTP/2 over TLS.
 */
export function testClients(clients: readonly RealClient[], version: HttpVersion = "1.1"): void {
  describe(`real clients and real servers understand one another through umay, over HTTP/${version}`, () => {
    const isSecure = version === "2";
    const stack = new AsyncDisposableStack();
    let umay: RunningUmay;
    let file: string;
    let ca: string | undefined;

    before(async () => {
      const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
      stack.defer(() => dir.remove());
      file = join(dir.path, "content");
      writeFileSync(file, big);
      const { ca: authority, ecdsa } = await testCertificates();
      if (isSecure) ca = authority;
      const tls = isSecure ? `, tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]` : "";
      const app = stack.use(await startHttpApp());
      const pools: string[] = [];
      const listeners: string[] = [];
      for (const { name, missing, start } of servers[version]) {
        if (missing !== false) continue;
        const { address } = stack.use(await start(app.address));
        listeners.push(`listeners.${name} = { bind = "127.0.0.1:0", mode = "http", pool = "${name}"${tls} }`);
        pools.push(poolToml(name, [address], `http.version = "${version}"`));
      }
      umay = stack.use(
        await startUmay(`
          workers = 1
          admin = { bind = "127.0.0.1:0" }
          ${[...listeners, ...pools].join("\n")}`),
      );
    });
    after(() => stack.disposeAsync());

    for (const client of clients)
      for (const server of servers[version])
        test(`${client.name} and ${server.name}`, { skip: client.missing || server.missing }, async () => {
          const before = (await umay.status()).listeners[server.name]!.connections_total;
          const output = await client.run(
            `${isSecure ? "localhost" : "127.0.0.1"}:${umay.port(server.name)}`,
            file,
            ca,
          );
          assert.deepEqual(output.trimEnd().split("\n"), expected);
          const { connections_total } = (await umay.status()).listeners[server.name]!;
          assert.ok(connections_total - before <= client.connections, "connections were kept");
          await settled(umay);
        });
  });
}
