import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Message, writeWire } from "../../src/providers/envoy/read/wire.ts";
import { messageType } from "../../src/providers/envoy/schema/registry.ts";
import { CacheFile, type Kept } from "../../src/providers/xds/cache.ts";
import { type Kind, kinds } from "../../src/providers/xds/resources.ts";
import { edsCluster, tcpListener } from "../support/ads-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { spawnUmay } from "../support/umay.ts";

const clusters = 10_000;
const endpointsOfEach = 10;
const node = { id: "umay-1", cluster: "edge" };
const dir = mkdtempSync(join(tmpdir(), "umay-xds-start-"));

const nameOf = (index: number): string => `outbound|80||service-${index}.namespace.svc.cluster.local`;

/** An endpoint of its own for each number: nobody connects to it. */
const endpoint = (number: number): Message => {
  const address = `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  return { endpoint: { address: { socket_address: { address, port_value: 8080 } } } };
};

function kept(kind: Kind, name: string, message: Message): Kept {
  return {
    kind,
    origin: "ads",
    name,
    version: "1",
    bytes: writeWire(messageType(kinds[kind].type), message),
  };
}

before(async () => {
  const [port = 0] = await freePorts(1);
  const resources = [kept("listener", "web", tcpListener("web", port, nameOf(0)))];
  for (let index = 0; index < clusters; index++) {
    const name = nameOf(index);
    const lb_endpoints = Array.from({ length: endpointsOfEach }, (_, each) =>
      endpoint(index * endpointsOfEach + each),
    );
    resources.push(
      kept(
        "cluster",
        name,
        edsCluster(name, { circuit_breakers: { thresholds: [{ max_requests: 1_000 }] } }),
      ),
      kept("endpoints", name, { cluster_name: name, endpoints: [{ lb_endpoints }] }),
    );
  }
  await new CacheFile({ file: join(dir, "cache"), secrets: "omit", keyFile: undefined }, node).save(
    resources,
  );
});

after(() => rmSync(dir, { recursive: true, force: true }));

/** Processor time of a process so far, in seconds, and the most memory that it had, in MiB. */
function costOf(pid: number): readonly [seconds: number, mebibytes: number] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  // Linux counts in hundredths of a second.
  return [(Number(fields[11]) + Number(fields[12])) / 100, Math.round(Number(peak) / 1_024)];
}

test(`${clusters} clusters with ${clusters * endpointsOfEach} endpoints are served from the last good state`, async (t) => {
  const [away] = await freePorts(1);
  const began = performance.now();
  await using umay = spawnUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${away}"]
    node = { id = "${node.id}", cluster = "${node.cluster}" }
    cache_file = "${join(dir, "cache")}"`);
  await umay.logged(({ msg }) => msg === "umay is ready");
  const took = (performance.now() - began) / 1_000;
  const [seconds, mebibytes] = costOf(umay.pid);
  t.diagnostic(
    `ready after ${took.toFixed(1)} s, with ${seconds.toFixed(1)} s of processor time and ${mebibytes} MiB`,
  );
  const pools = Object.values((await umay.status()).pools);
  assert.equal(pools.length, clusters);
  assert.ok(pools.every(({ backends }) => backends.length === endpointsOfEach));
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
});
