import assert from "node:assert/strict";
import { test } from "node:test";
import { AdsServer, edsCluster, tcpListener } from "../support/ads-server.ts";
import { connectSocket } from "../support/client.ts";
import { runCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { spawnUmay } from "../support/umay.ts";

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  listener: "envoy.config.listener.v3.Listener",
} as const;

test("a start whose control plane is away says so at once, answers its admin server, and serves as soon as it is there", async () => {
  const [admin, controlPort, own, port] = await freePorts(4);
  await using umay = spawnUmay(`
    workers = 1
    admin.bind = "127.0.0.1:${admin}"
    listeners.own = { bind = "127.0.0.1:${own}", pool = "a" }
    [xds]
    servers = ["127.0.0.1:${controlPort}"]
    node = { id = "umay-1", cluster = "edge" }
    initial_timeout = "10m"`);
  const waits = await umay.logged(({ msg }) => msg.startsWith("waiting for the first complete set"));
  assert.deepEqual(waits["control_planes"], [`127.0.0.1:${controlPort}`]);
  const away = await umay.logged(({ msg }) => msg.startsWith("a control plane is away"));
  assert.match(away.msg, /ECONNREFUSED/);
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${admin}${path}`, { headers: { connection: "close" } });
  assert.equal((await get("/livez")).status, 200);
  const readiness = await get("/readyz");
  assert.deepEqual(
    [readiness.status, await readiness.text()],
    [503, `waits for the control plane at 127.0.0.1:${controlPort}\n`],
  );
  const reload = await fetch(`http://127.0.0.1:${admin}/reload`, { method: "POST" });
  assert.match(await reload.text(), /umay is starting; it can't be reloaded now/);
  const { code, stdout } = await runCommand(["status", "--admin", `127.0.0.1:${admin}`]);
  assert.equal(code, 0);
  assert.match(stdout, /is starting \(waits for the control plane at 127\.0\.0\.1:\d+\)/);
  await assert.rejects(connectSocket(own!), /ECONNREFUSED/);

  await using control = await AdsServer.start("delta", controlPort);
  await control.request(({ type }) => type === "Cluster");
  control.send(types.cluster, [edsCluster("a", { type: "STATIC", load_assignment: { cluster_name: "a" } })]);
  control.send(types.listener, [tcpListener("theirs", port!, "a")]);
  await umay.logged(({ msg }) => msg === "umay is ready");
  for (const each of [own!, port!]) (await connectSocket(each)).destroy();
  const { control_planes: planes } = (await (await get("/status")).json()) as {
    control_planes: { server: string; connected: boolean; resources: Record<string, { present: number }> }[];
  };
  assert.deepEqual(
    planes.map(({ server, connected, resources }) => [server, connected, resources["listener"]?.present]),
    [[`127.0.0.1:${controlPort}`, true, 1]],
  );
});

test("a start that waits for a control plane ends in order when it is asked to", async () => {
  const [controlPort] = await freePorts(1);
  await using umay = spawnUmay(`
    workers = 1
    [xds]
    servers = ["127.0.0.1:${controlPort}"]
    node = { id = "umay-1", cluster = "edge" }`);
  await umay.logged(({ msg }) => msg.startsWith("a control plane is away"));
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
});
