import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Peer } from "../peers/peer.ts";

/** The file of a pool that has one backend or two, in turns. */
export class ChangingPool {
  #path = "";
  #backendPort = 0;
  #two = false;

  /** umay whose listener leads to this pool, with so many other pools that never change. */
  among(umay: Peer, pools: number, backendsEach: number): Peer {
    return {
      ...umay,
      prepare: (place) => {
        const command = umay.prepare(place);
        this.#path = join(place.folder, "backends.json");
        this.#backendPort = place.backendPort;
        this.#write();
        const list = `type = "static"\nbackends = ["127.0.0.1:${place.backendPort}"]`;
        const file = join(place.folder, "umay.toml");
        const text = readFileSync(file, "utf8");
        if (!text.includes(list)) throw new Error("the configuration has no static pool to replace");
        const changed = text.replace(list, `type = "file"\npath = "${this.#path}"`);
        writeFileSync(file, changed + otherPools(pools, backendsEach));
        return command;
      },
    };
  }

  /** Adds a backend that nobody listens at, or takes it out. */
  change(): void {
    this.#two = !this.#two;
    this.#write();
  }

  /** @throws when umay does not follow the last change within ten seconds. */
  async followed(): Promise<void> {
    for (let waited = 0; waited < 10_000; waited += 100) {
      if ((await this.#served()) === (this.#two ? 2 : 1)) return;
      await sleep(100);
    }
    throw new Error("umay did not follow the last change within ten seconds");
  }

  /** In one step, so that no half of it is read. */
  #write(): void {
    const hosts = this.#two ? ["127.0.0.1", "127.0.0.2"] : ["127.0.0.1"];
    const backends = hosts.map((host) => `${host}:${this.#backendPort}`);
    writeFileSync(`${this.#path}.new`, JSON.stringify({ backends }));
    renameSync(`${this.#path}.new`, this.#path);
  }

  /** How many backends umay says that the pool has. */
  #served(): Promise<number> {
    const socketPath = join(dirname(this.#path), "admin.sock");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const asking = request({ socketPath, path: "/status", agent: false }, (response) => {
      response
        .setEncoding("utf8")
        .toArray()
        .then((parts) => resolve(countIn(parts.join(""))), reject);
    });
    asking.once("error", reject).end();
    return promise;
  }
}

function countIn(status: string): number {
  const { pools } = JSON.parse(status) as { pools: Record<string, { backends: readonly unknown[] }> };
  return pools["bench"]!.backends.length;
}

function otherPools(count: number, backendsEach: number): string {
  const addresses = Array.from({ length: backendsEach }, (_, index) => `"127.0.0.1:${2_000 + index}"`);
  const discovery = `type = "static"\nbackends = [${addresses.join(", ")}]\n`;
  return Array.from({ length: count }, (_, index) => `\n[pools.pool-${index}.discovery]\n${discovery}`).join(
    "",
  );
}
