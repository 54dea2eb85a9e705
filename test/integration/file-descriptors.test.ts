import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectSecure, connectSocket, listenersToml, poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { Peer } from "../support/peer.ts";
import { becomes, openFiles, settled } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const limit = 200;
const clients = 500;
const resources = new AsyncDisposableStack();
let umay: RunningUmay;

before(async () => {
  const backend = resources.use(await startEchoBackend());
  umay = resources.use(
    await startUmay(
      `
      workers = 2
      log = { level = "debug" }
      [admin]
      bind = "127.0.0.1:0"
      ${listenersToml("echo", await testCertificates())}
      ${poolToml("echo", [backend.address])}`,
      { openFiles: limit },
    ),
  );
});
after(() => resources.disposeAsync());

async function echoes(): Promise<boolean> {
  try {
    using client = await connectSecure(umay.port("tls13"));
    client.end("hello");
    return String(await client.readToEnd()) === "hello";
  } catch {
    return false;
  }
}

test("room for few connections is a warning", async () => {
  const told = await umay.logged(({ msg }) => msg.startsWith("the limit on open files leaves room for few"));
  assert.equal(told.level, "warn");
  assert.equal(told["open_files"], limit);
  assert.equal(told["most_connections"], await umay.metric("umay_connections_limit"));
});

test(`${clients} clients do not use up ${limit} files: what does not fit is refused, counted and logged`, async () => {
  assert.ok(await echoes());
  const filesAtFirst = openFiles(umay.pid);
  const most = await umay.metric("umay_connections_limit");
  assert.ok(most > 20 && most * 2 < limit, `room for ${most} connections`);

  const sockets = await Promise.all(
    Array.from({ length: clients }, () => connectSocket(umay.port("plain")).catch(() => undefined)),
  );
  const peers = sockets.filter((socket) => socket !== undefined).map((socket) => new Peer(socket));
  const refused = (): Promise<number> =>
    umay.metric("umay_listener_rejected_total", { listener: "plain", reason: "file_descriptors" });
  await becomes(refused, (count) => count === clients - most, `refusals, ${clients - most} expected`);
  assert.equal(await umay.metric("umay_connections"), most);

  // Those that got in are served as ever.
  let served = 0;
  for (const peer of peers) {
    const echo = peer.write("x").then(() => peer.read(1));
    served += await echo.then(
      () => 1,
      () => 0,
    );
  }
  assert.equal(served, most);
  assert.equal(await umay.metric("umay_backend_connect_failures_total"), 0);
  assert.ok(openFiles(umay.pid) < limit);

  for (const peer of peers) peer[Symbol.dispose]();
  const began = performance.now();
  await becomes(echoes, (well) => well, "a new session");
  assert.ok(performance.now() - began < patient(2000), "recovers within two seconds");
  await settled(umay);
  await becomes(
    () => openFiles(umay.pid),
    (files) => files <= filesAtFirst,
    "open files",
  );

  const lines = (): LogLine[] =>
    umay.log.filter(({ reason, listener }) => reason === "file_descriptors" && listener === "plain");
  await becomes(
    () => lines().reduce((sum, line) => sum + (line["refused"] as number), 0),
    (sum) => sum === clients - most,
    "refusals in the log",
  );
  const times = lines().map((line) => Date.parse(line["time"] as string));
  for (const [index, time] of times.entries())
    assert.ok(index === 0 || time - times[index - 1]! >= 900, "at most one line a second");
});

test("handshakes that are never finished do not use up the files either", async () => {
  const sockets = await Promise.all(
    Array.from({ length: clients }, () => connectSocket(umay.port("tls13")).catch(() => undefined)),
  );
  const most = await umay.metric("umay_connections_limit");
  await becomes(
    () => umay.metric("umay_connections"),
    (open) => open === most,
    "open connections",
  );
  assert.equal(umay.log.filter(({ level }) => level === "error").length, 0);
  for (const socket of sockets) socket?.destroy();
  await settled(umay);
  assert.ok(await echoes());
});
