import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ok } from "../../../src/lib/result.ts";
import { EnvoyProvider } from "../../../src/providers/envoy/provider.ts";
import type { Message } from "../../../src/providers/envoy/read/wire.ts";
import { TomlProvider } from "../../../src/providers/toml/provider.ts";
import {
  AdsServer,
  adsBootstrap,
  edsCluster,
  endpoints,
  secret,
  tcpListener,
  withSecret,
} from "../../support/ads-server.ts";
import { testCertificates } from "../../support/certificates.ts";
import { soon } from "../../support/peer.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-own-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  secret: "envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;

let files = 0;

function provide(
  text: string,
  stack: DisposableStack,
): { provider: EnvoyProvider; write: (text: string) => void } {
  const file = join(dir, `${files++}.yaml`);
  writeFileSync(file, text);
  const provider = new EnvoyProvider({ file, env: {}, cwd: dir });
  stack.defer(() => provider.close());
  return { provider, write: (other) => writeFileSync(file, other) };
}

/** A resource as a file has it. */
const inFile = (resource: Message): string =>
  JSON.stringify(
    JSON.parse(JSON.stringify(resource).replaceAll('"@type":"', '"@type":"type.googleapis.com/')),
  );

/** Answers the first questions: no cluster, and these listeners. */
async function answer(server: AdsServer, ...listeners: readonly Message[]): Promise<string> {
  await server.request(({ type }) => type === "Cluster");
  server.send(types.cluster, []);
  return server.send(types.listener, listeners);
}

test("of a file's own listeners one whose secret does not fit is left out, and everything else is served", async () => {
  await using server = await AdsServer.start("delta");
  using stack = new DisposableStack();
  const { ecdsa } = await testCertificates();
  const own = [withSecret(tcpListener("own", 4101, "a"), "s"), tcpListener("plain", 4102, "a")].map(inFile);
  const { provider } = provide(`${adsBootstrap(server.port, "delta")}  listeners: [${own}]\n`, stack);
  const lines: string[] = [];
  const log = (fields: object, message: string): unknown =>
    lines.push(`${message} ${JSON.stringify(fields)}`);
  provider.logTo({ info: () => {}, warn: log });
  const first = provider.propose();
  await answer(server, tcpListener("l", 4100, "a"));
  await server.request(({ type, names }) => type === "Secret" && names.includes("s"));
  // A secret without a certificate is good by itself.
  server.send(types.secret, [{ "@type": types.secret, name: "s", validation_context: {} }]);
  const { model, heard } = await soon(first, "the first proposal");
  heard(ok(1));
  assert.deepEqual(model.listeners.map(({ name }) => name).sort(), ["l", "plain"]);
  assert.match(lines.join("\n"), /a listener can't be served whole .*"listener":"own".*no tls_certificate/);
  const news = Promise.withResolvers<void>();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  provider.watch(() => news.resolve(), stop.signal);
  server.send(types.secret, [secret("s", readFileSync(ecdsa.cert, "utf8"), readFileSync(ecdsa.key, "utf8"))]);
  await soon(news.promise, "news");
  const next = (await provider.propose(true)).model;
  assert.deepEqual(next.listeners.map(({ name }) => name).sort(), ["l", "own", "plain"]);
});

test("a file that is only tried out asks no control plane; the one that is served then does", async () => {
  await using server = await AdsServer.start("delta");
  using stack = new DisposableStack();
  const plain = `static_resources: { listeners: [${inFile(tcpListener("own", 4103, "a"))}], clusters: [{ name: a, load_assignment: { endpoints: [] } }] }`;
  const { provider, write } = provide(plain, stack);
  (await provider.propose()).heard(ok(1));
  const news = Promise.withResolvers<void>();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  provider.watch(() => news.resolve(), stop.signal);
  write(adsBootstrap(server.port, "delta"));
  const tried = await provider.propose();
  assert.equal(tried.model.incomplete, "the control plane has not told everything yet");
  const served = await provider.propose();
  assert.equal(server.streams, 0);
  served.heard(ok(2));
  await answer(server, tcpListener("l", 4100, "a"));
  await soon(news.promise, "news");
  assert.equal(server.streams, 1);
  const { model } = await provider.propose(true);
  assert.deepEqual(
    model.listeners.map(({ name }) => name),
    ["l"],
  );
});

test("a listener that can't have its address is refused with the reason, and is served once it is free", async () => {
  await using server = await AdsServer.start("delta");
  using stack = new DisposableStack();
  const other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  const file = join(dir, "own.toml");
  writeFileSync(
    file,
    `listeners.own = { bind = "127.0.0.1:4104", pool = "a" }
    [xds]
    servers = ["127.0.0.1:${server.port}"]
    node = { id = "umay-1", cluster = "edge" }`,
  );
  const provider = new TomlProvider({ file, env: {}, cwd: dir });
  stack.defer(() => provider.close());
  const early = await provider.early();
  assert.deepEqual(
    [early?.model.listeners, early?.model.incomplete],
    [[], `waits for the control plane at 127.0.0.1:${server.port}`],
  );
  const first = provider.propose();
  await server.request(({ type }) => type === "Cluster");
  server.send(types.cluster, [edsCluster("a")]);
  const nonce = server.send(types.listener, [
    tcpListener("taken", port, "a"),
    tcpListener("same", 4104, "a"),
    tcpListener("free", 4105, "a"),
  ]);
  await server.request(({ type }) => type === "ClusterLoadAssignment");
  server.send(types.endpoints, [endpoints("a", 4001)]);
  const { model, heard } = await soon(first, "the first proposal");
  heard(ok(1));
  assert.deepEqual(model.listeners.map(({ name }) => name).sort(), ["free", "own"]);
  const { refusal } = await server.request((request) => request.nonce === nonce);
  assert.match(refusal, new RegExp(`taken: address: cannot listen on 127.0.0.1:${port}: .*in use`));
  assert.match(refusal, /same: address: 127\.0\.0\.1:4104 is already taken by listeners\.own/);
  const [ads] = provider.controlPlanes()!;
  const listeners = ads!.kinds.find(({ kind }) => kind === "listener")!;
  assert.deepEqual(
    [ads!.connected, listeners.accepted, listeners.rejected, listeners.resources, listeners.last!.nonce],
    [true, 0, 1, 1, nonce],
  );
  assert.deepEqual(
    listeners.refused.map(({ name }) => name),
    ["taken", "same"],
  );
  const news = Promise.withResolvers<void>();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  provider.watch(() => news.resolve(), stop.signal);
  other.close();
  await once(other, "close");
  await provider.lookAgain();
  await soon(news.promise, "news");
  const next = (await provider.propose(true)).model;
  assert.deepEqual(next.listeners.map(({ name }) => name).sort(), ["free", "own", "taken"]);
});

test("a listener that was refused and is not sent any more does not come back once its address is free", async () => {
  await using server = await AdsServer.start("sotw");
  using stack = new DisposableStack();
  const other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  const { provider } = provide(adsBootstrap(server.port, "sotw"), stack);
  await provider.early();
  const first = provider.propose();
  const nonce = await answer(server, tcpListener("taken", port, "a"), tcpListener("l", 4100, "a"));
  const { heard } = await soon(first, "the first proposal");
  heard(ok(1));
  await server.request((request) => request.nonce === nonce && request.refusal !== "");
  const again = server.send(types.listener, [tcpListener("l", 4100, "a")]);
  await server.request((request) => request.nonce === again);
  other.close();
  await once(other, "close");
  await provider.lookAgain();
  const [ads] = provider.controlPlanes()!;
  const listeners = ads!.kinds.find(({ kind }) => kind === "listener")!;
  assert.deepEqual([listeners.resources, listeners.refused], [1, []]);
});

test("a file that is only tried out takes no address from listeners of the control plane, and no version of its own is served", async () => {
  await using server = await AdsServer.start("delta");
  using stack = new DisposableStack();
  const { ecdsa } = await testCertificates();
  const good = secret("s", readFileSync(ecdsa.cert, "utf8"), readFileSync(ecdsa.key, "utf8"));
  const fileWith = (...listeners: readonly Message[]): string =>
    `${adsBootstrap(server.port, "delta")}  listeners: [${listeners.map(inFile)}]\n`;
  const { provider, write } = provide(fileWith(withSecret(tcpListener("own", 4101, "a"), "s")), stack);
  const first = provider.propose();
  await answer(server);
  await server.request(({ type, names }) => type === "Secret" && names.includes("s"));
  server.send(types.secret, [good]);
  const served = await soon(first, "the first proposal");
  served.heard(ok(1));
  write(fileWith(withSecret(tcpListener("own", 4106, "a"), "s"), tcpListener("plain", 4107, "a")));
  const ports = ({ model }: Pick<typeof served, "model">): readonly unknown[] =>
    model.listeners.map(({ name, bind }) => [name, bind.kind === "tcp" && bind.port]);
  assert.deepEqual(ports(await provider.propose()), [
    ["plain", 4107],
    ["own", 4106],
  ]);
  const nonces = [
    server.send(types.listener, [tcpListener("l", 4107, "a")]),
    // Without a certificate, it fits no listener.
    server.send(types.secret, [{ "@type": types.secret, name: "s", validation_context: {} }]),
  ];
  for (const nonce of nonces)
    assert.equal((await server.request((request) => request.nonce === nonce)).refusal, "");
  assert.deepEqual(ports(await provider.propose(true)), [
    ["own", 4101],
    ["l", 4107],
  ]);
});
