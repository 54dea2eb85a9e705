import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { AdsServer, adsBootstrap, edsCluster, endpoints, tcpListener } from "../support/ads-server.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, turnedAway } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { openssl } from "../support/openssl.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

let echo: EchoServer;
let umay: RunningUmay;
let dir: string;

const typed = (name: string): string => `"@type": type.googleapis.com/${name}`;
const manager = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager");
const tcpProxy = typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy");
const tls = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext");
const address = (port: number): string =>
  `address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }`;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-envoy-"));
  const { ecdsa, otherName } = await testCertificates();
  echo = await startEcho({ bind: "127.0.0.1:0", name: "echo" });
  assert.ok(echo.address.kind === "tcp");
  const relays = `filters: [{ name: t, typed_config: { ${tcpProxy}, cluster: echo } }]`;
  const chain = (name: string, certificate: string): string =>
    `{ name: ${name}, filter_chain_match: { server_names: [${name}] }, ${relays}, transport_socket: { name: tls, typed_config: { ${tls}, common_tls_context: { tls_certificates: [${certificate}] } } } }`;
  const inline = (file: string): string => `{ inline_string: ${JSON.stringify(readFileSync(file, "utf8"))} }`;
  const file = join(dir, "envoy.yaml");
  writeFileSync(
    file,
    `
admin: { ${address(0)} }
static_resources:
  listeners:
  - name: secure
    ${address(0)}
    filter_chains:
    - ${chain("localhost", `{ certificate_chain: { filename: ${ecdsa.cert} }, private_key: { filename: ${ecdsa.key} } }`)}
    - ${chain("other.test", `{ certificate_chain: ${inline(otherName.cert)}, private_key: ${inline(otherName.key)} }`)}
  - name: web
    ${address(0)}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          ${manager}
          stat_prefix: web
          route_config:
            virtual_hosts:
            - { name: all, domains: ["*"], routes: [{ match: { prefix: /hi }, direct_response: { status: 201, body: { inline_string: hello } } }] }
  clusters:
  - name: echo
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { ${address(echo.address.port)} } }] }] }
`,
  );
  umay = await startUmay("", { args: ["--envoy-config", file], env: { UMAY__WORKERS: "1" } });
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await echo?.close();
  rmSync(dir, { recursive: true, force: true });
});

test("each filter chain shows its own certificate, from a file or from the configuration itself", async () => {
  for (const name of ["localhost", "other.test"]) {
    const { output, echoed } = await openssl(umay.port("secure"), "-servername", name);
    assert.ok(echoed, output);
    assert.match(output, new RegExp(`^subject=CN ?= ?${name}$`, "m"));
  }
});

test("a connection that no filter chain takes is closed and counted", async () => {
  assert.notEqual(
    await turnedAway(connectSecure(umay.port("secure"), { servername: "else.test" })),
    undefined,
  );
  const ended = { listener: "secure", reason: "no_chain" };
  assert.equal(await umay.metric("umay_sessions_ended_total", ended), 1);
});

test("requests are answered by the routes of the file", async () => {
  const answer = await fetch(`http://127.0.0.1:${umay.port("web")}/hi`);
  assert.deepEqual([answer.status, await answer.text()], [201, "hello"]);
  assert.equal((await fetch(`http://127.0.0.1:${umay.port("web")}/else`)).status, 404);
});

test("a control plane says what is served; when it is gone, that is served on", async () => {
  assert.ok(echo.address.kind === "tcp");
  const [port] = await freePorts(1);
  await using control = await AdsServer.start("delta");
  const file = join(dir, "ads.yaml");
  writeFileSync(file, adsBootstrap(control.port, "delta", `admin: { ${address(0)} }`));
  const starting = startUmay("", { args: ["--envoy-config", file], env: { UMAY__WORKERS: "1" } });
  await control.request(({ type }) => type === "Cluster");
  control.send("envoy.config.cluster.v3.Cluster", [edsCluster("echo")]);
  control.send("envoy.config.listener.v3.Listener", [tcpListener("l", port!, "echo")]);
  await control.request(({ type }) => type === "ClusterLoadAssignment");
  control.send("envoy.config.endpoint.v3.ClusterLoadAssignment", [endpoints("echo", echo.address.port)]);
  await using driven = await starting;
  const echoed = async (): Promise<string> => {
    using client = await connectPlain(driven.port("l"));
    client.end("hello\n");
    return String(await client.readToEnd());
  };
  assert.match(await echoed(), /hello/);
  await control[Symbol.asyncDispose]();
  await driven.logged(({ msg }) => msg.startsWith("a control plane is away"));
  assert.match(await echoed(), /hello/);
});

test("requests are logged as the file says, in its own file", async () => {
  const { port } = echo.address as { port: number };
  const log = join(dir, "requests.log");
  const file = join(dir, "logged.yaml");
  writeFileSync(
    file,
    `
static_resources:
  listeners:
  - name: web
    ${address(0)}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          ${manager}
          stat_prefix: web
          access_log:
          - name: f
            typed_config:
              ${typed("envoy.extensions.access_loggers.file.v3.FileAccessLog")}
              path: ${log}
              log_format: { text_format: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %REQ(X-SAY?USER-AGENT)%\\n" }
          route_config:
            virtual_hosts:
            - { name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }
  clusters:
  - name: echo
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { ${address(port)} } }] }] }
`,
  );
  {
    await using logged = await startUmay("", { args: ["--envoy-config", file], env: { UMAY__WORKERS: "1" } });
    await fetch(`http://127.0.0.1:${logged.port("web")}/one?secret`, { headers: { "x-say": "hello" } });
    await fetch(`http://127.0.0.1:${logged.port("web")}/two`);
    logged.signal("SIGTERM");
    await logged.exited;
    assert.equal(logged.log.filter(({ msg }) => msg === "the route itself answered or redirected").length, 0);
  }
  assert.deepEqual(readFileSync(log, "utf8").split("\n"), ["GET /one 200 hello", "GET /two 200 node", ""]);
});
