import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { ListenerPlaces } from "../../../src/control/state/listener-places.ts";
import { Touches } from "../../../src/control/state/touched.ts";
import type { Model } from "../../../src/model/model.ts";
import type { PlacedListener } from "../../../src/model/snapshot.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { testCertificates } from "../../support/certificates.ts";
import { boundAs } from "../workers/feed-scene.ts";

/** `follow` takes the listeners of a model as the next version. */
function scene() {
  const touched = new Touches();
  const places = new ListenerPlaces(createSharedMemory(), new WorkerCounters(2), touched);
  let version = 0;
  const follow = (model: Model): void => places.follow(model.listeners, boundAs(model), ++version);
  return { places, touched, follow };
}

const one = `pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }`;

test("listeners that are new, change or leave are touched, and those that say the same are not", async () => {
  const { places, touched, follow } = scene();
  const taken = (): string[] => [...touched.take().listeners].sort();
  const listeners = (a: string, b: string): Promise<Model> =>
    loadModel(`listeners.${a} = { bind = "127.0.0.9:1", pool = "one" }
      listeners.${b} = { bind = "127.0.0.9:2", pool = "one" }\n${one}`);
  follow(await listeners("a", "b"));
  assert.deepEqual(taken(), ["a", "b"]);
  const before = places.present.get("a");
  follow(await listeners("a", "c"));
  assert.deepEqual(taken(), ["b", "c"]);
  assert.equal(places.present.get("a"), before);
  assert.deepEqual([[...places.present.keys()], places.leaving.map(({ name }) => name)], [["a", "c"], ["b"]]);
  places.rotateTickets("c");
  assert.deepEqual(taken(), ["c"]);
  assert.deepEqual(taken(), []);
});

test("tickets stay good over a change, but for those of a file's key; who is counted by address stays counted", async () => {
  const { ecdsa } = await testCertificates();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const keys = join(dir.path, "ticket.keys");
  writeFileSync(keys, Buffer.alloc(48, 1));
  const { places, follow } = scene();
  const served = async (settings: string, tls = ""): Promise<PlacedListener> => {
    follow(
      await loadModel(
        `[listeners.web]
         bind = "127.0.0.9:1"
         pool = "one"
         ${settings}
         [listeners.web.tls]
         certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
         ${tls}
         [pools]
         ${one.replace("pools.", "")}`,
      ),
    );
    return places.present.get("web")!;
  };
  const web = await served("");
  assert.equal(web.addressTable, undefined);
  const limited = await served("max_connections_per_ip = 5", `min_version = "TLSv1.3"`);
  assert.deepEqual(limited.ticketKeys, web.ticketKeys);
  assert.notEqual(limited.addressTable, undefined);
  const more = await served("max_connections_per_ip = 6");
  assert.equal(more.addressTable, limited.addressTable);
  const fromFile = await served("", `session_tickets = { keys_file = "${keys}" }`);
  assert.deepEqual(fromFile.tls[0]!.sessionTickets!.keys!.bytes, new Uint8Array(48).fill(1));
  assert.equal(fromFile.ticketKeys, undefined, "none of its own");
  const own = await served("");
  assert.equal(own.ticketKeys?.length, 48);
  assert.equal((await served("", "session_tickets = { enabled = false }")).ticketKeys, undefined);
});
