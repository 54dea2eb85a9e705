import { Socket } from "node:net";
import type { OwnedSocket } from "./owner.ts";
import { readBuffer } from "./read-buffer.ts";

/*
 * `onread` has a socket read into a buffer that is there already, but Node takes it from who connects a socket only: for
 * one that was accepted, and for TLS on top of another socket, each read gets memory of its own. This sets what `onread`
 * sets; see ADR 0066.
 */

/** @returns false to read no more until the socket is resumed. */
type Heard = (this: OwnedSocket, length: number, buffer: Uint8Array) => boolean;

/** The fields in which Node keeps `onread`; they are found by their names once, on a socket that is used for nothing. */
const [bufferField, callbackField, generatorField] = fieldsNamed("kBuffer", "kBufferCb", "kBufferGen");

interface Reading extends OwnedSocket {
  readonly _readableState: { highWaterMark: number };
  _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
  [field: symbol]: unknown;
}

function fieldsNamed(...names: readonly string[]): readonly (symbol | undefined)[] {
  const sample = new Socket();
  const symbols = Object.getOwnPropertySymbols(sample);
  sample.destroy();
  return names.map((name) => symbols.find(({ description }) => description === name));
}

/**
 * Has a socket read into the worker's read buffer from now on, as far as this Node can do it. The socket must have a
 * `data` listener, too: it gets what came before, and what comes while the socket is paused, in memory of its own.
 * @param heard gets everything else; this is the socket.
 */
export function shareReads(socket: OwnedSocket, heard: Heard): void {
  const reading = socket as Reading;
  if (bufferField === undefined || callbackField === undefined || generatorField === undefined) return;
  if (reading[generatorField] !== null || reading[bufferField] !== null) return;
  if (reading._handle?.useUserBuffer === undefined) return;
  reading[bufferField] = readBuffer;
  reading[callbackField] = heard;
  reading._handle.useUserBuffer(readBuffer);
  // A stream that waits would read ahead up to here, in memory of its own.
  reading._readableState.highWaterMark = 0;
}

/** Whether what is read has to wait in the socket: behind other bytes, or until it is resumed. */
export const hasWaiting = (socket: OwnedSocket): boolean => socket.readableLength > 0 || socket.isPaused();

/** @returns false to read no more until what waits was taken. */
export const wait = (socket: OwnedSocket, length: number, buffer: Uint8Array): boolean =>
  socket.push(Buffer.from(buffer.subarray(0, length)));
