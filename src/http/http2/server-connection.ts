import type { Fault } from "../fault.ts";
import type { RequestHead } from "../message.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { ConnectionLimits } from "./limits.ts";
import { ConnectionError, errorCode, most31, preface } from "./protocol.ts";
import { malformed, type RequestTerms, readRequest } from "./request-rules.ts";
import { urgencyOf } from "./scheduler.ts";
import { type RequestUser, ServerStream } from "./server-stream.ts";
import { setting } from "./settings.ts";

export interface ServerOwner extends ConnectionOwner {
  /**
   * A request has come, and nothing that came with it took it back.
   * @returns who gets it; `request` or `fail` is called next.
   */
  request(stream: ServerStream): RequestUser;
}

/** The server's side of a connection that a client has made. */
export class ServerConnection extends Connection {
  readonly #owner: ServerOwner;
  readonly #terms: RequestTerms;
  /** Of the client's preface. */
  #seen = 0;
  #draining = false;
  /** Streams above it are not taken any more. */
  #mostStream: number = most31;

  constructor(limits: ConnectionLimits, terms: RequestTerms, owner: ServerOwner, now: number) {
    super(limits, owner, now);
    this.#owner = owner;
    this.#terms = terms;
    this.announce([
      [setting.maxStreams, limits.streams],
      [setting.initialWindow, limits.streamWindow],
      [setting.maxHeaderList, limits.head.size],
      [setting.noPriorities, 1],
      ...(terms.tunnels ? [[setting.enableConnect, 1] as const] : []),
    ]);
  }

  get peerIsServer(): boolean {
    return false;
  }

  /**
   * Takes no new requests, in two steps (RFC 9113 section 6.8): the client is told, and when its answer to a PING
   * shows that it knows, it is told which of its streams was the last. Called again, it does not wait for that.
   */
  drain(): void {
    if (this.goingAway || this.failure !== undefined) return;
    if (this.pings.waitingSince !== undefined && this.#draining) {
      this.#stopTaking();
      return;
    }
    this.#draining = true;
    this.writer.goAway(most31, errorCode.none, "");
    this.pings.send(this.now, () => this.#stopTaking());
  }

  #stopTaking(): void {
    if (this.goingAway || this.failure !== undefined) return;
    this.#mostStream = this.lastStream;
    this.writer.goAway(this.lastStream, errorCode.none, "");
    this.leave();
  }

  accept(stream: ServerStream): RequestUser {
    return this.#owner.request(stream);
  }

  isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.lastStream;
  }

  beginStream(id: number, block: HeaderBlock, last: boolean): void {
    if (id % 2 === 0) throw new ConnectionError(errorCode.protocol, "a stream with an even number");
    if (id <= this.lastStream)
      throw new ConnectionError(errorCode.streamClosed, "HEADERS on a stream that is closed");
    this.lastStream = id;
    if (id > this.#mostStream) this.recent.add(id);
    else if (this.streams.size >= this.limits.streams) {
      this.budget.glitch(1);
      this.sendReset(id, errorCode.refused);
    } else this.#open(id, readRequest(block, last, this.#terms), block, last);
  }

  #open(
    id: number,
    content: RequestHead | Fault | typeof malformed,
    block: HeaderBlock,
    last: boolean,
  ): void {
    const stream = new ServerStream(this, id);
    this.streams.add(stream);
    if (content === malformed) {
      stream.error(errorCode.protocol);
      return;
    }
    if (!("reason" in content)) stream.expected = content.length;
    for (const { name, value } of block.fields) if (name === "priority") stream.urgency = urgencyOf(value);
    stream.report(content, last);
  }

  goAway(_lastStream: number, _code: number): void {
    // A client that leaves ends its streams itself.
  }

  priorityUpdate(id: number, value: string): void {
    if (id === 0) throw new ConnectionError(errorCode.protocol, "PRIORITY_UPDATE for no stream");
    const stream = this.streams.get(id);
    if (stream !== undefined) this.moveTo(stream, urgencyOf(value));
  }

  protected override read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (this.#seen < preface.length && at < end) {
      if (bytes[at++] !== preface[this.#seen++])
        throw new ConnectionError(errorCode.protocol, "no HTTP/2 preface");
    }
    super.read(bytes, at, end);
  }
}
