import { Budget } from "./budget.ts";
import { FrameHandler, type Role } from "./frame-handler.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { HeaderBlock } from "./header-block.ts";
import { Heads } from "./heads.ts";
import { firstTable } from "./hpack/decoder.ts";
import { Inbox } from "./inbox.ts";
import type { ConnectionLimits } from "./limits.ts";
import { Pings } from "./pings.ts";
import { ConnectionError, errorCode, firstWindow, most31 } from "./protocol.ts";
import { RecentIds } from "./recent-ids.ts";
import { Scheduler } from "./scheduler.ts";
import { PeerSettings, setting } from "./settings.ts";
import type { Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { connectionWindow } from "./windows.ts";

/** The owner of the socket. */
export interface ConnectionOwner {
  /** A buffer for what is sent, which becomes the owner's again with {@link Connection.take}. */
  borrow(): Buffer;
  /** There is something to take; best once per turn of the event loop, so that it goes out in one write. */
  wantsFlush(): void;
  /**
   * The connection can't go on, and no stream is left. The remaining output ends with GOAWAY; for the peer to get it,
   * its bytes must be read, and dropped, for a while longer.
   */
  failed(error: ConnectionError): void;
  /** The last stream has ended on a connection that takes no more. */
  finished(): void;
}

/**
 * With so much to take, bodies wait; and with so much, the owner is to read no more from the peer. In bytes. A body that
 * waits is copied once more, so the responses that come in one turn of the event loop should find room.
 */
const muchOutput = 256 * 1024;
const tooMuchOutput = 1024 * 1024;
/** Streams that were reset from here and are remembered. */
const mostRecent = 1024;
const none = Buffer.alloc(0);

/**
 * HTTP/2 (RFC 9113) as both sides have it: bytes in, calls out, and frames to take. It has no socket and no clock;
 * times are in milliseconds, from any clock that never goes back.
 */
export abstract class Connection implements Role {
  readonly writer: FrameWriter;
  readonly heads = new Heads();
  readonly inbox = new Inbox();
  readonly budget: Budget;
  readonly peer = new PeerSettings();
  readonly pings: Pings;
  readonly window = connectionWindow();
  /** How many streams were reset, by the peer and from here. */
  readonly resets = { received: 0, sent: 0 };
  /** The number of bytes that the peer still takes on the connection. */
  sendWindow = firstWindow;
  /** The receive window of a new stream: what the peer knows of. */
  ownWindow = firstWindow;
  protected readonly limits: ConnectionLimits;
  protected readonly owner: ConnectionOwner;
  protected readonly streams = new StreamTable<Stream>();
  /** The last stream that the peer began. */
  protected lastStream = 0;
  protected goingAway = false;
  readonly #handler: FrameHandler;
  readonly #reader: FrameReader;
  readonly #scheduler = new Scheduler<Stream>();
  protected readonly recent = new RecentIds(mostRecent);
  #failure: ConnectionError | undefined;
  /** When DATA was sent last, in milliseconds. */
  #progress: number;
  /** SETTINGS of ours that the peer has not acknowledged. */
  #unacknowledged = 0;
  /** When they were sent, in milliseconds. */
  #announced: number;

  constructor(limits: ConnectionLimits, owner: ConnectionOwner, now: number) {
    this.#handler = new FrameHandler(this, limits.head);
    this.#reader = new FrameReader(this.#handler);
    this.limits = limits;
    this.owner = owner;
    this.budget = new Budget(limits.budget, now);
    this.#progress = now;
    this.#announced = now;
    this.writer = new FrameWriter(
      () => owner.borrow(),
      () => owner.wantsFlush(),
    );
    this.pings = new Pings(this.writer);
  }

  abstract get peerIsServer(): boolean;
  abstract isIdle(id: number): boolean;
  abstract beginStream(id: number, block: HeaderBlock, last: boolean): void;
  abstract goAway(lastStream: number, code: number): void;
  abstract priorityUpdate(id: number, value: string): void;

  /** Milliseconds, as was said last. */
  get now(): number {
    return this.budget.now;
  }

  /** How many are open. */
  get count(): number {
    return this.streams.size;
  }

  /** The peer does not read what it is sent: nothing more should be read from it until that has changed. */
  get congested(): boolean {
    return this.writer.length > tooMuchOutput;
  }

  /** New streams of the peer are not taken any more. */
  get takesNone(): boolean {
    return this.goingAway;
  }

  /** Why it can't go on; undefined as long as it can. */
  get failure(): ConnectionError | undefined {
    return this.#failure;
  }

  /** Whether the peer has shown that it speaks HTTP/2: its SETTINGS came. */
  get begun(): boolean {
    return this.#handler.begun;
  }

  /** Whether a stream may send before what waits on others. */
  get sendsAtOnce(): boolean {
    return this.#scheduler.count === 0 && this.writer.length < muchOutput;
  }

  /**
   * Not to be called within a call that it makes.
   * @param bytes from the peer, between `start` and `end`. Every byte of the buffer may be written to until this
   * returns; then it may be used again.
   */
  receive(bytes: Buffer, start: number, end: number, now: number): void {
    this.budget.now = now;
    if (this.#failure !== undefined) return;
    try {
      this.read(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#fail(error);
    }
    this.#settle(bytes);
  }

  /** @returns bytes to send, until there are none: as many at a time as the socket takes. */
  take(): Buffer | undefined {
    this.#pump();
    return this.writer.take();
  }

  /**
   * Resets streams whose data the peer has given no window for too long; to be called every few seconds. Those that only
   * wait for their turn are left alone.
   */
  sweep(now: number): void {
    this.budget.now = now;
    if (this.begun && this.#unacknowledged > 0 && now - this.#announced > this.limits.settings) {
      this.abort(errorCode.settingsTimeout, "no acknowledgement of SETTINGS");
      return;
    }
    const before = now - this.limits.stall;
    const isStuck = this.sendWindow <= 0 && this.#progress <= before;
    for (const stream of this.streams.all())
      if ((isStuck && stream.outgoing.waiting > 0) || stream.outgoing.isStuckSince(before)) {
        this.sendReset(stream.id, errorCode.cancel);
        stream.cut();
      }
    this.inbox.deliver(none);
  }

  /** The socket is closed: what is under way is cut short. */
  closed(): void {
    for (const stream of this.streams.all()) stream.cut();
    this.inbox.deliver(none);
  }

  /** Ends the connection at once, with all of its streams. */
  abort(code: number, why: string): void {
    if (this.#failure !== undefined) return;
    this.#fail(new ConnectionError(code, why));
    this.#settle(none);
  }

  protected read(bytes: Buffer, start: number, end: number): void {
    this.#reader.read(bytes, start, end);
  }

  #fail(error: ConnectionError): void {
    this.#failure = error;
    this.writer.goAway(this.lastStream, error.code, error.message);
    for (const stream of this.streams.all()) stream.cut();
  }

  /** Tells everybody what has happened. */
  #settle(bytes: Buffer): void {
    this.inbox.deliver(bytes);
    if (this.#failure !== undefined) this.owner.failed(this.#failure);
    else this.#pump();
  }

  #pump(): void {
    while (this.writer.length < muchOutput && this.sendWindow > 0) {
      const stream = this.#scheduler.next();
      if (stream === undefined) return;
      stream.turn();
    }
  }

  // For streams, and for what their frames say.

  stream(id: number): Stream | undefined {
    return this.streams.get(id);
  }

  /** Whether it was ended from here, so short a while ago that the peer may not know. */
  wasEnded(id: number): boolean {
    return this.recent.has(id);
  }

  /** It has something to send and waits for its turn. */
  wait(stream: Stream): void {
    if (stream.outgoing.window > 0 && stream.outgoing.waiting > 0) this.#scheduler.add(stream);
  }

  sendReset(id: number, code: number): void {
    this.resets.sent++;
    this.writer.reset(id, code);
    this.recent.add(id);
  }

  forget(stream: Stream): void {
    this.#scheduler.remove(stream);
    if (this.streams.delete(stream)) this.#finishIfDone();
  }

  credit(bytes: number): void {
    const told = this.window.credit(bytes);
    if (told > 0 && this.#failure === undefined) this.writer.windowUpdate(0, told);
  }

  #finishIfDone(): void {
    if (this.goingAway && this.streams.size === 0 && this.#failure === undefined) this.owner.finished();
  }

  protected moveTo(stream: Stream, urgency: number): void {
    this.#scheduler.move(stream, urgency);
  }

  /** The owner wants no new streams; it hears of it when the last one has ended. */
  protected leave(): void {
    this.goingAway = true;
    this.#finishIfDone();
  }

  /** Says what this side wants. */
  protected announce(pairs: readonly (readonly [id: number, value: number])[]): void {
    const { headerTable } = this.limits;
    const isUsual = headerTable === firstTable;
    this.writer.settings(isUsual ? pairs : [[setting.headerTable, headerTable], ...pairs]);
    this.#announced = this.now;
    this.#unacknowledged++;
    const more = this.window.widen(this.limits.connectionWindow);
    if (more > 0) this.writer.windowUpdate(0, more);
  }

  /** So many bytes of DATA go out. */
  spend(bytes: number): void {
    this.sendWindow -= bytes;
    this.#progress = this.now;
    this.budget.dataSent(bytes);
  }

  widenSendWindow(credit: number): void {
    this.sendWindow += credit;
    if (this.sendWindow > most31)
      throw new ConnectionError(errorCode.flowControl, "a window that is too large");
  }

  /** @param bytes hold pairs of six bytes each (RFC 9113 section 6.5.1). */
  takeSettings(bytes: Buffer, start: number, end: number, fromServer: boolean): void {
    const before = this.peer.initialWindow;
    for (let at = start; at < end; at += 6)
      this.peer.take(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2), fromServer);
    this.heads.encoder.limitTable(this.peer.headerTable);
    const change = this.peer.initialWindow - before;
    if (change !== 0) for (const stream of this.streams.all()) this.#moveWindow(stream, change);
    this.writer.settingsAck();
  }

  #moveWindow(stream: Stream, change: number): void {
    stream.outgoing.window += change;
    if (stream.outgoing.window > most31)
      throw new ConnectionError(errorCode.flowControl, "a window that is too large");
    this.wait(stream);
  }

  settingsAcknowledged(): void {
    if (this.#unacknowledged === 0) {
      this.budget.glitch(1);
      return;
    }
    this.#unacknowledged--;
    this.#handler.limitTable(this.limits.headerTable);
    this.ownWindow = this.limits.streamWindow;
    for (const stream of this.streams.all()) stream.tell(stream.window.resize(this.ownWindow));
  }
}
