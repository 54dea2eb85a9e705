import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import type { Message } from "../../src/providers/envoy/read/wire.ts";
import { AdsServer, edsCluster, endpoints, secret, tcpListener, withSecret } from "../support/ads-server.ts";
import { type CertificatePair, type TestCertificates, testCertificates } from "../support/certificates.ts";
import { connectSecure } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

let certificates: TestCertificates;
let echo: EchoServer;
let control: AdsServer;
let umay: RunningUmay;
let ports: readonly number[];

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  secret: "envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;

const send = (kind: keyof typeof types, ...resources: readonly Message[]): string =>
  control.send(types[kind], resources);

const secretOf = (name: string, { cert, key }: CertificatePair): Message =>
  secret(name, readFileSync(cert, "utf8"), readFileSync(key, "utf8"));

before(async () => {
  certificates = await testCertificates();
  echo = await startEcho({ bind: "127.0.0.1:0", name: "echo" });
  assert.ok(echo.address.kind === "tcp");
  ports = await freePorts(3);
  control = await AdsServer.start("delta");
  const starting = startUmay(
    `
workers = 2
admin = { bind = "127.0.0.1:0" }
[xds]
servers = ["127.0.0.1:${control.port}"]
node = { id = "umay-1", cluster = "edge" }
initial_timeout = "1s"
`,
  );
  await control.request(({ type }) => type === "Cluster");
  send("cluster", edsCluster("echo"));
  send("listener", withSecret(tcpListener("secure", ports[0]!, "echo"), "server"));
  await control.request(({ type }) => type === "ClusterLoadAssignment");
  send("endpoints", endpoints("echo", echo.address.port));
  await control.request(({ type }) => type === "Secret");
  send("secret", secretOf("server", certificates.ecdsa));
  umay = await starting;
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
  await echo?.close();
});

/** The serial number of a certificate that a listener shows. */
async function shown(port: number): Promise<string> {
  using client = await connectSecure(port);
  return new X509Certificate((client.socket as TLSSocket).getPeerCertificate().raw).serialNumber;
}

const serialOf = ({ cert }: CertificatePair): string => new X509Certificate(readFileSync(cert)).serialNumber;

test("a secret is rotated under load without a failed handshake, and a session goes on", async () => {
  const [port] = ports;
  using session = await connectSecure(port!);
  await session.write("before\n");
  await session.receivedAtLeast(7);
  const [old, fresh] = [serialOf(certificates.ecdsa), serialOf(certificates.rsa)];
  let rotated = false;
  const serials = new Set<string>();
  const load = async (): Promise<void> => {
    for (let last = ""; last !== fresh; ) {
      last = await shown(port!);
      serials.add(last);
      if (!rotated) send("secret", secretOf("server", certificates.rsa));
      rotated = true;
    }
  };
  await Promise.all([load(), load(), load()]);
  assert.deepEqual(serials, new Set([old, fresh]));
  session.end("after\n");
  assert.match(String(await session.readToEnd()), /after/);
});

test("a listener whose secret does not come is served without it after a while, and as a whole once it comes", async () => {
  const port = ports[1]!;
  send("listener", withSecret(tcpListener("waits", port, "echo"), "late"));
  await umay.logged(
    ({ msg, cause }) => /can't be served whole/.test(msg) && /secret late/.test(String(cause)),
  );
  await umay.logged(({ msg, changes }) => msg.includes("reloaded") && String(changes).includes("waits"));
  await assert.rejects(connectSecure(port));
  send("secret", secretOf("late", certificates.ecdsa));
  await umay.logged(({ changes }) => String(changes).includes("listeners.waits: changed"));
  assert.equal(await shown(port), serialOf(certificates.ecdsa));
});

test("endpoints change without a reload", async () => {
  const { generation } = await umay.status();
  assert.ok(echo.address.kind === "tcp");
  send("endpoints", endpoints("echo", echo.address.port, 1));
  await umay.logged(({ msg, came }) => msg === "backends of a pool changed" && String(came).includes(":1"));
  assert.ok((await umay.status()).generation > generation);
  const reloads = umay.log.filter(({ changes }) => String(changes).includes("pools.echo"));
  assert.deepEqual(reloads, []);
  send("endpoints", endpoints("echo", echo.address.port));
  await umay.logged(({ msg, left }) => msg === "backends of a pool changed" && String(left).includes(":1"));
});

const ask = async (path: string, method = "GET"): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${umay.admin}${path}`, { method });
  return { status: answer.status, text: await answer.text() };
};

test("the admin server answers what Envoy's users ask, and shows no secret", async () => {
  assert.deepEqual(await ask("/ready"), { status: 200, text: "LIVE\n" });
  const { text: dump } = await ask("/config_dump?include_eds");
  assert.doesNotMatch(dump, /PRIVATE KEY/);
  const { configs } = JSON.parse(dump) as { configs: Record<string, unknown>[] };
  assert.deepEqual(
    configs.map((part) => String(part["@type"]).split(".").at(-1)),
    [
      "ClustersConfigDump",
      "EndpointsConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
      "SecretsConfigDump",
    ],
  );
  assert.match(dump, /"inline_string": "\[redacted\]"/);
  assert.match(dump, /BEGIN CERTIFICATE/);
  assert.ok(echo.address.kind === "tcp");
  assert.match(
    (await ask("/clusters")).text,
    new RegExp(`^echo::127.0.0.1:${echo.address.port}::health_flags::healthy$`, "m"),
  );
  assert.match((await ask("/listeners")).text, new RegExp(`^secure::127.0.0.1:${ports[0]}$`, "m"));
  assert.equal(JSON.parse((await ask("/listeners?format=json")).text).listener_statuses.length, 2);
  const stats = (await ask("/stats?filter=^cluster_manager")).text;
  assert.match(stats, /^cluster_manager\.cds\.update_success: 1$/m);
  assert.doesNotMatch(stats, /^server/m);
  assert.match(
    (await ask("/stats/prometheus")).text,
    /^envoy_cluster_membership_total\{envoy_cluster_name="echo"\} 1$/m,
  );
  assert.equal(JSON.parse((await ask("/server_info")).text).node.id, "umay-1");
  assert.equal((await ask("/drain_listeners")).status, 405);
  assert.equal((await ask("/stats?filter=(")).status, 400);
});

test("when the control plane is gone everything is served on; POST /drain_listeners ends it in order", async () => {
  await control[Symbol.asyncDispose]();
  await umay.logged(({ msg }) => msg.startsWith("a control plane is away"));
  assert.equal(await shown(ports[0]!), serialOf(certificates.rsa));
  assert.deepEqual(await ask("/drain_listeners", "POST"), { status: 200, text: "OK\n" });
  assert.equal(await umay.exited, 0);
});
