import type { Chain } from "../../../model/chain.ts";
import type { EndReason } from "../../../model/reasons.ts";
import { clock } from "../../clock.ts";
import { type OwnedSocket, SocketOwner } from "../../sockets/owner.ts";
import { Progress } from "../../sockets/progress.ts";
import { writeLent } from "../../sockets/writes.ts";
import type { Upstream } from "../../upstream/upstream.ts";

/** The owner of a relay. */
export interface RelayOwner {
  countReceived(bytes: number): void;
  countSent(bytes: number): void;
  /** Whether others may wait for the backend. */
  readonly backendIsScarce: boolean;
  /** The backend has ended, and nothing moves: others may have its place. Its socket stays open. */
  giveUpPlace(): void;
  /** The backend is gone: gives it back. The client still gets what it said. @param reason for which the session will end. */
  dropUpstream(reason: EndReason): void;
  /** Once. The owner resets the sockets that are still open. */
  relayEnded(reason: EndReason, end?: RelayEnd): void;
}

/** The details of an end. */
export interface RelayEnd {
  /** How TLS with the backend broke, where it did. */
  readonly error?: Error | undefined;
  /** The side that is still there was sent something last, and is to have time for it. */
  readonly lingers?: boolean;
}

/** A side of a relay. */
type Side = "client" | "backend";

const empty = Buffer.alloc(0);

/** The two sides of a relay. Both are read, and tell their owner what they report. */
interface Sides {
  readonly client: OwnedSocket;
  /** Whether the client has sent its last byte already. */
  readonly clientEnded: boolean;
  readonly upstream: Upstream;
}

/** The bytes between two sockets, until both directions have ended or something broke. */
export class Relay extends SocketOwner {
  readonly #owner: RelayOwner;
  readonly #client: OwnedSocket;
  readonly #upstream: OwnedSocket;
  /** When a byte moved last, by {@link clock}, or a side ended. */
  #lastActive: number;
  /** Undefined: nothing has waited yet when the sweep came by. */
  #progress: Readonly<Record<Side, Progress>> | undefined = undefined;
  /** Which side has sent its last byte before the other one; undefined: none has. */
  #firstEnded: Side | undefined;
  #bothEnded = false;
  /** A side that takes no more bytes; what it said before is still read. */
  #deaf: Side | undefined = undefined;
  /** Whether it was reset before it had ended. */
  #deafCut = false;
  /** The side that is left, and gets what the other one said before it was gone. */
  #left: Side | undefined = undefined;
  /** Why the session ends then. */
  #last: EndReason = "client_reset";

  constructor(owner: RelayOwner, { client, clientEnded, upstream }: Sides) {
    super();
    this.#owner = owner;
    this.#client = client;
    this.#upstream = upstream.socket;
    this.#lastActive = performance.now();
    this.#firstEnded = clientEnded ? "client" : undefined;
    client.owner = this;
    this.#upstream.owner = this;
    if (clientEnded) this.#upstream.end();
    // Reading the first bytes left it paused, or it was accepted so.
    if (client.isPaused()) client.resume();
  }

  /** Whether one side has sent its last byte. */
  get isHalfClosed(): boolean {
    return this.#firstEnded !== undefined;
  }

  /** On to the backend. When the backend takes no more, the client is not read until it does. */
  override clientBytes(length: number, buffer: Uint8Array): void {
    const upstream = this.#upstream;
    if (this.nobodyListens("backend")) return;
    this.#lastActive = clock.now;
    this.#owner.countReceived(length);
    if (length === fullRecord && upstream.writableCorked === 0) {
      upstream.cork();
      setImmediate(uncork, upstream);
    }
    if (!writeLent(upstream, buffer as Buffer, 0, length)) this.#client.pause();
  }

  /** On to the client. @returns false to stop reading until the client has taken what waits. */
  override upstreamBytes(length: number, buffer: Uint8Array): boolean {
    const client = this.#client;
    if (this.nobodyListens("client")) return true;
    this.#lastActive = clock.now;
    this.#owner.countSent(length);
    return writeLent(client, buffer as Buffer, 0, length);
  }

  /** Whether what is sent to a side is dropped: it takes no more, or is about to be reset. */
  private nobodyListens(to: Side): boolean {
    return this.#deaf === to || this.#left !== undefined;
  }

  /** The client took what waited: read the backend again. */
  override clientDrained(): void {
    this.#lastActive = clock.now;
    this.#upstream.resume();
  }

  /** The backend took what waited: read the client again. */
  override upstreamDrained(): void {
    this.#lastActive = clock.now;
    this.#client.resume();
  }

  override clientEnded(): void {
    if (this.#left !== undefined) return;
    if (this.#deaf === "client") this.finish("backend", !this.#deafCut, "client_reset");
    else {
      this.ended("client");
      this.#upstream.end();
    }
  }

  override upstreamEnded(): void {
    if (this.#left !== undefined) return;
    if (this.#deaf === "backend") this.finish("client", !this.#deafCut, "backend_reset");
    else {
      this.ended("backend");
      this.#client.end();
    }
  }

  /** The client said something before, perhaps: it is read to its end. */
  override clientWriteFailed(error: NodeJS.ErrnoException): void {
    if (this.#firstEnded === "client" || this.#bothEnded) this.clientFailed(error);
    else this.becomesDeaf("client", error);
  }

  /** The backend has answered before, perhaps, and wants no more: it is read to its end. */
  override upstreamWriteFailed(error: NodeJS.ErrnoException): void {
    if (this.backendEnded) this.upstreamFailed(error);
    else this.becomesDeaf("backend", error);
  }

  /** Drops from here on the bytes that wait to be sent to it, so that nothing is waited for. */
  private becomesDeaf(side: Side, { code }: NodeJS.ErrnoException): void {
    if (this.#left !== undefined || this.#deaf !== undefined) return;
    this.#deaf = side;
    this.#deafCut = code !== "EPIPE";
    if (side === "client") this.#upstream.resume();
    else this.#client.resume();
  }

  override clientFailed(error: NodeJS.ErrnoException): void {
    this.clientLost(error.code?.startsWith("ERR_SSL") ? "client_tls_error" : "client_reset");
  }

  override clientClosed(): void {
    if (this.#left !== undefined || !this.#bothEnded || this.#upstream.closed)
      this.clientLost("client_reset");
  }

  /** The client is gone, and was cut where it had not ended before. */
  private clientLost(reason: EndReason): void {
    if (this.#left !== undefined) {
      if (this.#left === "client") this.#owner.relayEnded(this.#last);
    } else if (this.#bothEnded) this.endInOrder();
    else {
      for (let chunk = this.rest(this.#client); chunk !== null; chunk = this.rest(this.#client))
        this.clientBytes(chunk.length, chunk);
      this.finish("backend", this.#firstEnded === "client", reason);
    }
  }

  override upstreamFailed(error: NodeJS.ErrnoException): void {
    if (error.code?.startsWith("ERR_SSL") && !this.backendEnded)
      this.upstreamLost("backend_tls_error", error);
    else this.upstreamLost("backend_reset");
  }

  override upstreamClosed(): void {
    if (this.#left !== undefined || !this.#bothEnded || this.#client.closed)
      this.upstreamLost("backend_reset");
    else this.#owner.dropUpstream(this.orderly);
  }

  /** The backend is gone, and was cut where it had not ended before. */
  private upstreamLost(reason: EndReason, error?: Error): void {
    if (this.#left !== undefined) {
      if (this.#left === "backend") this.#owner.relayEnded(this.#last);
    } else if (this.#bothEnded) this.endInOrder();
    else {
      for (let chunk = this.rest(this.#upstream); chunk !== null; chunk = this.rest(this.#upstream))
        this.upstreamBytes(chunk.length, chunk);
      this.finish("client", this.backendEnded, reason, error);
    }
  }

  /** Of a socket that has failed, bytes that came before and wait to be read. */
  private rest(socket: OwnedSocket): Buffer | null {
    return socket.readableLength === 0 ? null : (socket.read() as Buffer | null);
  }

  /**
   * One side is gone. The other one gets what it said, within the half-close timeout, and is reset then; what that one
   * sends has nowhere to go.
   * @param whole the side that is gone had ended before: so does what it said.
   */
  private finish(left: Side, whole: boolean, reason: EndReason, error?: Error): void {
    const socket = left === "client" ? this.#client : this.#upstream;
    this.#left = left;
    this.#last = reason;
    this.ended(left === "client" ? "backend" : "client");
    if (left === "client") this.#owner.dropUpstream(reason);
    if (socket.destroyed || (left === "backend" && !whole && socket.writableLength === 0)) {
      this.#owner.relayEnded(reason, { error });
      return;
    }
    const done = (): void => this.#owner.relayEnded(reason, { error, lingers: true });
    if (whole || socket.writableEnded) socket.end(done);
    else socket.write(empty, done);
    socket.resume();
  }

  /** Whether nothing moves or waits that an end could cut. @param now by performance.now(). */
  isQuiet(now: number): boolean {
    const waits = this.#client.writableLength > 0 || this.#upstream.writableLength > 0;
    return !waits && now - this.#lastActive > quietTime;
  }

  /** @param now by performance.now(). @param timeouts in milliseconds without a byte. */
  endIfOverdue(now: number, { idle, halfClose, stall }: Chain["timeouts"]): void {
    const quiet = now - this.#lastActive;
    const stalled = this.stalled(now, stall);
    if (stalled !== undefined) this.#owner.relayEnded(stalled);
    else if (this.#firstEnded !== undefined || this.#deaf !== undefined) {
      if (quiet > halfClose) this.#owner.relayEnded("half_close_timeout");
      else if (this.#owner.backendIsScarce) this.findGone(now);
    } else if (quiet > idle) this.#owner.relayEnded("idle_timeout");
  }

  /** A side that is not read is not heard either: it may be gone for good. @param longest in milliseconds. */
  private stalled(now: number, longest: number): EndReason | undefined {
    if (this.#client.writableLength === 0 && this.#upstream.writableLength === 0) return undefined;
    this.#progress ??= { client: new Progress(), backend: new Progress() };
    if (this.#progress.client.stalled(this.#client, now) > longest) return "client_stalled";
    return this.#progress.backend.stalled(this.#upstream, now) > longest ? "backend_stalled" : undefined;
  }

  /**
   * Nobody hears a backend that has ended. A write says whether it is gone, and nothing is sent; but TCP says so only of
   * one that was sent something after it was. @param now by performance.now().
   */
  private findGone(now: number): void {
    if (this.#firstEnded !== "backend" || this.#bothEnded) return;
    this.#upstream.write(empty);
    if (this.isQuiet(now)) this.#owner.giveUpPlace();
  }

  private ended(side: Side): void {
    this.#lastActive = performance.now();
    this.#firstEnded ??= side;
    if (side !== this.#firstEnded) this.#bothEnded = true;
  }

  private get backendEnded(): boolean {
    return this.#firstEnded === "backend" || this.#bothEnded;
  }

  private endInOrder(): void {
    this.#owner.relayEnded(this.orderly);
  }

  private get orderly(): EndReason {
    return this.#firstEnded === "client" ? "client_closed" : "backend_closed";
  }
}

/** A pause of both sides that is longer than the way there and back, in milliseconds. */
const quietTime = 1_000;

/**
 * A full TLS record seldom comes alone, but Node hands on one after the other: those of one turn of the event loop go
 * out in one system call, which makes an upload a fifth cheaper.
 */
const fullRecord = 16_384;

function uncork(upstream: OwnedSocket): void {
  upstream.uncork();
}
