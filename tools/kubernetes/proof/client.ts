import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccess } from "../../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../../src/providers/kubernetes/client/api.ts";
import { ClusterSource } from "../../../src/providers/kubernetes/source.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";
import { writeKubeconfig } from "../api-server.ts";
import { route } from "./objects.ts";
import { Wire } from "./wire.ts";
import { check, type Figures, umayUser, type World } from "./world.ts";

const serverPort = 6_443;
const wirePort = 7_443;
/** How long a server may be silent here, in milliseconds. */
const silence = 8_000;
const stormMs = 60_000;
/** Requests a second in a storm, of all kinds together. */
const mostPerSecond = 2;
const account = "/api/v1/namespaces/umay/serviceaccounts";

/** Everything that can become of a connection to a real API server: the copy is right again each time, without a storm. */
export async function client(world: World): Promise<Figures> {
  const wire = world.use(await Wire.start(wirePort, serverPort));
  const tokenFile = await world.tokenFile();
  const kubeconfig = writeKubeconfig(world.dir, `https://127.0.0.1:${wirePort}`, "client", { tokenFile });
  const { model } = await loadConfigText("[kubernetes]", { name: "it", directory: "/", env: {} });
  const told: string[] = [];
  const source = new ClusterSource({
    api: new Api(await readAccess(kubeconfig, {})),
    settings: model.kubernetes!,
    logger: {
      info: (_, message) => told.push(message),
      warn: (fields, message) => told.push(`${message}: ${JSON.stringify(fields)}`),
    },
    changed: () => {},
    status: () => {},
    times: { silence },
  });
  try {
    await source.completed;
    const trial = new Trial(world, source, wire, tokenFile);
    const figures: Record<string, unknown> = {};
    for (const [name, misfortune] of Object.entries(misfortunes)) {
      figures[name] = await misfortune(trial);
      await trial.sees(name.toLowerCase());
    }
    // Rights are not known at once to a server that has just started.
    const lines = (words: string): number => told.filter((line) => line.includes(words)).length;
    check(lines("refuses a request") === lines("grants a request again"), told.join("\n"));
    return figures;
  } finally {
    source.stop();
  }
}

class Trial {
  readonly world: World;
  readonly wire: Wire;
  readonly tokenFile: string;
  readonly #source: ClusterSource;

  constructor(world: World, source: ClusterSource, wire: Wire, tokenFile: string) {
    this.world = world;
    this.#source = source;
    this.wire = wire;
    this.tokenFile = tokenFile;
  }

  /** Makes a route, and waits until the copy has it. @returns how long that took, in milliseconds. */
  async sees(name: string): Promise<number> {
    await this.world.apply(route(name, `${name}.test`, "app"));
    return this.world.until(() => check(this.has(name), `${name} is not seen`), 90_000);
  }

  has(name: string): boolean {
    return this.#source.cache.cluster.httpRoutes.has(`shop/${name}`);
  }

  /** Requests to the server in a time, per second. */
  async rate(ms: number): Promise<{ readonly perSecond: number; readonly connections: number }> {
    const asked = (): number => this.world.server.audited(umayUser).length;
    const [requests, connections] = [asked(), this.wire.connections];
    await sleep(ms);
    const both = { requests: asked() - requests, connections: this.wire.connections - connections };
    const perSecond = Number((Math.max(both.requests, both.connections) / (ms / 1_000)).toFixed(2));
    check(perSecond <= mostPerSecond, `${perSecond} requests a second`);
    return { perSecond, connections: both.connections };
  }
}

const misfortunes: Readonly<Record<string, (trial: Trial) => Promise<unknown>>> = {
  async killed(trial) {
    await trial.world.server.kill();
    await sleep(3_000);
    await trial.world.server.restart();
    return { seenAfterMs: await trial.sees("after-kill") };
  },

  /** It has forgotten all that happened while it was not reached. */
  async compacted(trial) {
    const { world, wire } = trial;
    await trial.sees("goes");
    wire.mode = "closed";
    await world.ask("DELETE", "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/goes");
    for (let index = 0; index < 50; index++) await world.apply(route(`c${index}`, "c.test", "app"));
    await world.server.compact();
    await world.server.kill();
    await world.server.restart();
    wire.mode = "open";
    const seenAfterMs = await trial.sees("after-compaction");
    check(!trial.has("goes"), "a route that is gone is still there");
    check(
      Array.from({ length: 50 }, (_, index) => trial.has(`c${index}`)).every(Boolean),
      "routes are missing",
    );
    return { seenAfterMs };
  },

  /** It stands still, with its connections. */
  async stalled(trial) {
    trial.world.server.stall(true);
    await sleep(2 * silence);
    trial.world.server.stall(false);
    return { seenAfterMs: await trial.sees("after-stall") };
  },

  /** Connections are dead, and nobody says so. */
  async silent(trial) {
    trial.wire.deaden();
    return { seenAfterMs: await trial.sees("after-silence") };
  },

  async slow(trial) {
    trial.wire.mode = "closed";
    trial.wire.mode = "slow";
    const seenAfterMs = await trial.sees("while-slow");
    trial.wire.mode = "closed";
    trial.wire.mode = "open";
    return { seenAfterMs };
  },

  async refusedStorm(trial) {
    trial.wire.mode = "closed";
    const rate = await trial.rate(stormMs);
    trial.wire.mode = "open";
    return rate;
  },

  /** Every request is answered, and every watch ends at once. */
  async briefStorm(trial) {
    trial.wire.mode = "closed";
    trial.wire.mode = "brief";
    const rate = await trial.rate(stormMs);
    trial.wire.mode = "open";
    return rate;
  },

  /** The old token is not good any more. */
  async rotated(trial) {
    const { world } = trial;
    await world.ask("DELETE", `${account}/umay`);
    await world.ask("POST", account, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "umay" },
    });
    await sleep(1_000);
    writeFileSync(trial.tokenFile, await world.token());
    trial.wire.mode = "closed";
    trial.wire.mode = "open";
    return { seenAfterMs: await trial.sees("after-rotation") };
  },
};
