import type { Chain } from "../../../model/chain.ts";
import type { EndReason } from "../../../model/reasons.ts";
import { clock } from "../../clock.ts";
import { readClient, relayEvents } from "../../sockets/events.ts";
import { type OwnedSocket, SocketOwner } from "../../sockets/owner.ts";
import type { Upstream } from "../../upstream/upstream.ts";

/** Whose bytes are relayed. */
export interface RelayOwner {
  countReceived(bytes: number): void;
  countSent(bytes: number): void;
  /** The backend had said all that it had to say, and was cut then: gives it back. The client still gets what it said. */
  dropUpstream(): void;
  /** Once. What is still open is to be reset. @param error how TLS with the backend broke, where it did. */
  relayEnded(reason: EndReason, error?: Error): void;
}

/** The two sides of a relay. */
interface Sides {
  readonly client: OwnedSocket;
  /**
   * True where a write to the client may keep a reference to the bytes: a plain TCP socket hands them to the kernel
   * later when it can't at once, while TLS has encrypted them into its own memory by the time `write` returns.
   */
  readonly clientKeepsBytes: boolean;
  /** Whether the client has sent its last byte already. */
  readonly clientEnded: boolean;
  readonly upstream: Upstream;
}

/** The bytes between two sockets, until both directions have ended or something broke. */
export class Relay extends SocketOwner {
  readonly #owner: RelayOwner;
  readonly #client: OwnedSocket;
  readonly #clientKeepsBytes: boolean;
  readonly #upstream: OwnedSocket;
  /** When a byte moved last, by {@link clock}, or a side ended. */
  #lastActive: number;
  /** Which side has sent its last byte before the other one; undefined: none has. */
  #firstEnded: "client" | "backend" | undefined;
  #bothEnded = false;
  /** The backend took no more of the client's bytes, after it had ended its own direction. */
  #backendGone = false;

  constructor(owner: RelayOwner, { client, clientKeepsBytes, clientEnded, upstream }: Sides) {
    super();
    this.#owner = owner;
    this.#client = client;
    this.#clientKeepsBytes = clientKeepsBytes;
    this.#upstream = upstream.socket;
    this.#lastActive = performance.now();
    this.#firstEnded = clientEnded ? "client" : undefined;
    client.owner = this;
    this.#upstream.owner = this;
    relayEvents(client, this.#upstream, upstream.securing);
    if (clientEnded) this.#upstream.end();
    readClient(client);
    // Reading the first bytes left it paused, or it was accepted so.
    if (client.isPaused()) client.resume();
  }

  /** On to the backend. When the backend takes no more, the client is not read until it does. */
  override clientData(chunk: Buffer): void {
    const upstream = this.#upstream;
    this.#lastActive = clock.now;
    this.#owner.countReceived(chunk.length);
    if (chunk.length === fullRecord && upstream.writableCorked === 0) {
      upstream.cork();
      setImmediate(uncork, upstream);
    }
    if (!upstream.write(chunk)) this.#client.pause();
  }

  /**
   * On to the client, out of the worker's one read buffer. Bytes are copied only where the client's socket may keep a
   * reference to them after this function has returned: behind earlier bytes that still wait, or on a plain TCP socket.
   * Getting this wrong corrupts bytes; `relay-integrity.test.ts` holds it in place.
   * @returns false to stop reading until the client has taken what waits.
   */
  override upstreamBytes(length: number, buffer: Uint8Array): boolean {
    const client = this.#client;
    this.#lastActive = clock.now;
    this.#owner.countSent(length);
    const bytes = buffer.subarray(0, length);
    return client.write(this.#clientKeepsBytes || client.writableLength > 0 ? Buffer.from(bytes) : bytes);
  }

  /** On to the client, which is waited for if need be. */
  override upstreamData(chunk: Buffer): void {
    this.#lastActive = clock.now;
    this.#owner.countSent(chunk.length);
    if (!this.#client.write(chunk)) this.#upstream.pause();
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
    this.ended("client");
    this.#upstream.end();
  }

  override upstreamEnded(): void {
    this.ended("backend");
    this.#client.end();
  }

  override clientFailed(error: NodeJS.ErrnoException): void {
    if (this.#bothEnded) this.endInOrder();
    else this.#owner.relayEnded(error.code?.startsWith("ERR_SSL") ? "client_tls_error" : "client_reset");
  }

  override clientClosed(): void {
    if (!this.#bothEnded) this.#owner.relayEnded("client_reset");
    else if (this.#backendGone || this.#upstream.closed) this.endInOrder();
  }

  override upstreamFailed(error: NodeJS.ErrnoException): void {
    if (error.code?.startsWith("ERR_SSL") && !this.backendEnded)
      this.#owner.relayEnded("backend_tls_error", error);
    else this.upstreamReset();
  }

  override upstreamClosed(): void {
    if (!this.#bothEnded) this.upstreamReset();
    else if (this.#client.closed) this.endInOrder();
  }

  /** @param now by performance.now(). @param timeouts in milliseconds without a byte. */
  endIfOverdue(now: number, { idle, halfClose }: Chain["timeouts"]): void {
    const quiet = now - this.#lastActive;
    if (this.#firstEnded !== undefined) {
      if (quiet > halfClose) this.#owner.relayEnded("half_close_timeout");
    } else if (quiet > idle) this.#owner.relayEnded("idle_timeout");
  }

  private ended(side: "client" | "backend"): void {
    this.#lastActive = performance.now();
    this.#firstEnded ??= side;
    if (side !== this.#firstEnded) this.#bothEnded = true;
  }

  private get backendEnded(): boolean {
    return this.#firstEnded === "backend" || this.#bothEnded;
  }

  private endInOrder(): void {
    if (this.#backendGone) this.#owner.relayEnded("backend_reset");
    else this.#owner.relayEnded(this.#firstEnded === "client" ? "client_closed" : "backend_closed");
  }

  /** The connection to the backend was cut. */
  private upstreamReset(): void {
    if (this.#bothEnded) this.endInOrder();
    else if (this.backendEnded) this.finishClient();
    else this.#owner.relayEnded("backend_reset");
  }

  /**
   * The backend had said all that it had to say, and was cut then. The client gets it, within the half-close timeout;
   * what the client sends has nowhere to go.
   */
  private finishClient(): void {
    this.#backendGone = true;
    this.ended("client");
    this.#owner.dropUpstream();
    this.#client.destroySoon();
  }
}

/**
 * A full TLS record seldom comes alone, but Node hands on one after the other: those of one turn of the event loop go
 * out in one system call, which makes an upload a fifth cheaper.
 */
const fullRecord = 16_384;

function uncork(upstream: OwnedSocket): void {
  upstream.uncork();
}
