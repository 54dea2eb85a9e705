import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Peer, soon } from "./peer.ts";
import { seededRandom } from "./pickers.ts";

const blockBytes = 1 << 20;
const transferMs = 300_000;

/** How one side of a transfer behaves; all of it follows from the seed. */
export interface Pace {
  readonly seed: number;
  /** About how many pauses it makes for each MiB. */
  readonly pausesPerMiB: number;
  /** The longest pause, in milliseconds. */
  readonly longestPause: number;
}

export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes so many bytes in pieces of 1 byte to 128 KiB, with pauses, and ends. No two pieces are alike: each begins
 * at its own place of a random block, and the block changes as it goes on.
 */
export async function sendPaced({ socket }: Peer, bytes: number, pace: Pace): Promise<Digest> {
  const random = seededRandom(pace.seed);
  const block = randomBlock(random);
  const hash = createHash("sha256");
  let sent = 0;
  while (sent < bytes) {
    const length = Math.min(bytes - sent, 1 + Math.floor(131_072 * random() ** 2));
    const start = Math.floor(random() * (blockBytes - length));
    const piece = Buffer.from(block.subarray(start, start + length));
    const mark = Math.min(4, length);
    piece.writeUIntLE(sent % 256 ** mark, 0, mark);
    hash.update(piece);
    sent += length;
    const written = new Promise<void>((resolve, reject) => {
      socket.write(piece, (error) => (error ? reject(error) : resolve()));
    });
    if (socket.writableNeedDrain) await written;
    else written.catch(() => {});
    const pause = pauseAfter(length, random, pace);
    if (pause > 0) await sleep(pause);
  }
  socket.end();
  return { bytes: sent, sha256: hash.digest("hex") };
}

/** Reads to the end, with pauses. @throws when it does not end in order. */
export async function receivePaced(peer: Peer, pace: Pace): Promise<Digest> {
  const random = seededRandom(pace.seed);
  const hash = createHash("sha256");
  const { socket } = peer;
  let bytes = 0;
  peer.keep = false;
  socket.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    const pause = pauseAfter(chunk.length, random, pace);
    if (pause === 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), pause);
  });
  const ending = await peer.ending(transferMs);
  if (ending !== "end") throw new Error(`ended with ${ending} after ${bytes} bytes`);
  return { bytes, sha256: hash.digest("hex") };
}

/** The bytes that were sent and that came, each way. */
export interface Exchanged {
  readonly up: readonly [Digest, Digest];
  readonly down: readonly [Digest, Digest];
}

/** Sends so many bytes in both directions at once. */
export async function exchange(client: Peer, backend: Peer, bytes: number, pace: Pace): Promise<Exchanged> {
  const at = (offset: number): Pace => ({ ...pace, seed: pace.seed * 4 + offset });
  const all = [
    sendPaced(client, bytes, at(0)),
    receivePaced(backend, at(1)),
    sendPaced(backend, bytes, at(2)),
    receivePaced(client, at(3)),
  ] as const;
  const [sentUp, gotUp, sentDown, gotDown] = await soon(Promise.all(all), "an exchange", transferMs);
  return { up: [sentUp, gotUp], down: [sentDown, gotDown] };
}

/** 0: no pause. */
function pauseAfter(length: number, random: () => number, { pausesPerMiB, longestPause }: Pace): number {
  return random() < (pausesPerMiB * length) / blockBytes ? random() * longestPause : 0;
}

function randomBlock(random: () => number): Buffer {
  const words = Uint32Array.from({ length: blockBytes / 4 }, () => random() * 2 ** 32);
  return Buffer.from(words.buffer);
}
