import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Experiment } from "../experiment.ts";
import type { Peer } from "../peers/peer.ts";
import { capture, stop } from "../process.ts";
import { launch, type Stage } from "../stage.ts";

const poolCount = 1_000;

/** The cost of a long configuration, seen from outside: until it is checked, and until it is served. */
export const configLoad: Experiment = {
  name: "config",
  title: `configuration with ${poolCount} pools of three backends`,
  mode: "tcp",
  metrics: [
    { key: "check", title: "ms for `umay check`", digits: 0 },
    { key: "accept", title: "ms from exec to first accept", digits: 0 },
    { key: "small", title: "the same with one pool", digits: 0 },
  ],
  umayOnly: true,
  async measure({ peer }, stage) {
    const small = await timeToAccept(peer, stage);
    const large = withPools(peer);
    const accept = await timeToAccept(large.peer, stage);
    const began = performance.now();
    await capture(large.checkCommand(), stage.proxyCpus.join(","), 60);
    return { values: { check: performance.now() - began, accept, small }, errors: [] };
  },
};

async function timeToAccept(peer: Peer, stage: Stage): Promise<number> {
  const serving = await launch(peer, stage);
  await stop(serving.running);
  return serving.startedIn;
}

/** The same umay with the other pools in its file, and the command that only checks that file. */
function withPools(umay: Peer): { peer: Peer; checkCommand: () => ReturnType<Peer["prepare"]> } {
  let command: ReturnType<Peer["prepare"]> | undefined;
  const peer: Peer = {
    ...umay,
    prepare(place) {
      command = umay.prepare(place);
      appendFileSync(join(place.folder, "umay.toml"), pools());
      return command;
    },
  };
  const checkCommand = (): ReturnType<Peer["prepare"]> => {
    const { file, args } = command!;
    return { file, args: args.map((word) => (word === "run" ? "check" : word)) };
  };
  return { peer, checkCommand };
}

function pools(): string {
  const three = ["127.0.0.1:1994", "127.0.0.1:1995", "127.0.0.1:1996"]
    .map((address) => `"${address}"`)
    .join(", ");
  return Array.from(
    { length: poolCount },
    (_, index) => `
[pools.pool-${index}]
picker = "least-connection"
[pools.pool-${index}.discovery]
type = "static"
backends = [${three}]
`,
  ).join("");
}
