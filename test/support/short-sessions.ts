import assert from "node:assert/strict";
import type { Backend } from "./backend.ts";
import { startBackend } from "./backend.ts";
import { testCertificates } from "./certificates.ts";
import { connectPlain, connectSecure, listenersToml, poolToml } from "./client.ts";
import type { Ending, Peer } from "./peer.ts";
import { type RunningUmay, startUmay } from "./umay.ts";

/** How a short session ends; the client's first byte tells the backend. */
const ways = {
  e: { ending: "end" },
  q: { ending: "end" },
  c: { ending: "closed by the test" },
  r: { ending: "ECONNRESET" },
} as const satisfies Record<string, { ending: Ending }>;
type Way = keyof typeof ways;
const letters = Object.keys(ways) as Way[];

/** Sends back what it gets; ends when its client ends (e), at once (q) or with a reset (r). */
export function startObedientBackend(): Promise<Backend> {
  return startBackend({
    onPeer: ({ socket, raw }) => {
      socket.on("data", (chunk: Buffer) => {
        if (chunk[0] === 0x72) raw.resetAndDestroy();
        else if (chunk[0] === 0x71) socket.end(chunk);
        else socket.write(chunk);
      });
      socket.on("end", () => socket.end());
    },
  });
}

/** A umay before it whose memory can be compared with what it was. */
export async function startForShortSessions(backend: Backend): Promise<RunningUmay> {
  return await startUmay(
    `
    workers = 2
    log = { sessions = false }
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("obedient", await testCertificates())}
    ${poolToml("obedient", [backend.address])}`,
    // Otherwise V8 lets what is garbage already grow to 128 MiB for each worker.
    { nodeArgs: ["--max-semi-space-size=2"] },
  );
}

async function run(client: Peer, way: Way): Promise<void> {
  client.socket.write(`${way} is how it ends`);
  if (way === "e") client.end();
  if (way === "c") {
    await client.read(16);
    client.reset();
  }
  assert.equal(await client.ending(), ways[way].ending);
  if (way === "q") client.end();
}

export interface ShortSessions {
  readonly count: number;
  readonly atOnce: number;
  /** Ports of a plain listener and of one with TLS. */
  readonly plain: number;
  readonly tls: number;
  /** Of ten sessions, how many use TLS. */
  readonly tlsOfTen: number;
}

/** Runs so many sessions that say little and end in every way in turn. @throws when one ends in another way than it should. */
export async function runShortSessions({
  count,
  atOnce,
  plain,
  tls,
  tlsOfTen,
}: ShortSessions): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      const index = begun++;
      const way = letters[Math.floor(index / 10) % letters.length]!;
      await run(
        await (index % 10 < tlsOfTen ? connectSecure(tls, { ecdhCurve: "X25519" }) : connectPlain(plain)),
        way,
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
