import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { bufferSize } from "../../../src/data/sockets/flushes.ts";
import { writeLent } from "../../../src/data/sockets/writes.ts";

/** A socket without TLS, which notes the memory that it was given. */
class Peer extends Writable {
  readonly memory = new Set<ArrayBufferLike>();
  readonly got: Buffer[] = [];
  readonly #takes: boolean;

  /** @param takes what it is sent, some turns later; else it takes nothing. */
  constructor(takes: boolean) {
    super({ highWaterMark: 65_536 });
    this.#takes = takes;
  }

  override write(chunk: unknown, ...more: never[]): boolean {
    this.memory.add((chunk as Buffer).buffer);
    return super.write(chunk, ...more);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#takes) return;
    setImmediate(() => {
      this.got.push(Buffer.from(chunk));
      done();
    });
  }
}

const lent = Buffer.alloc(65_536);

/** Writes a part, which is overwritten right away. */
function send(peer: Peer, length: number, content: number): boolean {
  lent.fill(content, 0, length);
  const accepts = writeLent(peer as unknown as Socket, lent, 0, length);
  lent.fill(0xdb, 0, length);
  return accepts;
}

for (const others of [0, 1])
  test(`parts that wait for a peer take about as much memory as they have bytes, also with ${others} other peers`, () => {
    const peers = Array.from({ length: 1 + others }, () => new Peer(false));
    for (let accepts = true; accepts; ) for (const peer of peers) accepts = send(peer, 5_000, 1);
    const memory = new Set(peers.flatMap((peer) => [...peer.memory]));
    const held = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const waiting = peers.reduce((sum, { writableLength }) => sum + writableLength, 0);
    // A buffer each, and the pools of Node's that the first and the last small copies are in.
    assert.ok(held <= waiting + peers.length * bufferSize + 2 * Buffer.poolSize, `${held} for ${waiting}`);
  });

test("what shares a buffer arrives as it was, however peers take turns", async () => {
  const peers = [new Peer(true), new Peer(true)];
  const sent: Buffer[][] = [[], []];
  for (let part = 0; part < 200; part++) {
    const to = Number(part % 7 > 3);
    const length = 4_097 + ((part * 7_919) % 20_000);
    send(peers[to]!, length, part);
    sent[to]!.push(Buffer.alloc(length, part));
    // One of them has nothing left then, and gets the next free buffer.
    while (part % 5 === 0 && peers[part % 2]!.writableLength > 0) await new Promise(setImmediate);
  }
  for (const [at, peer] of peers.entries()) {
    await once(peer.end(), "finish");
    assert.ok(Buffer.concat(peer.got).equals(Buffer.concat(sent[at]!)));
  }
});
