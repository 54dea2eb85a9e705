import { responseFaults } from "../fault.ts";
import type { HeadEdits, RequestHead } from "../message.ts";
import { ClientStream, type ResponseUser } from "./client-stream.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { ConnectionLimits } from "./limits.ts";
import { ConnectionError, errorCode, preface } from "./protocol.ts";
import { setting } from "./settings.ts";

/** Behind so many streams a new connection is due: ids are used up at 2^31. */
const lastId = 2 ** 30;

/** The client's side of a connection to a backend. */
export class ClientConnection extends Connection {
  /** The code of the backend's last GOAWAY (RFC 9113 section 7); undefined where there was none. */
  goAwayCode: number | undefined;
  #nextId = 1;

  constructor(limits: ConnectionLimits, owner: ConnectionOwner, now: number) {
    super(limits, owner, now);
    this.writer.raw(preface);
    this.announce([
      [setting.enablePush, 0],
      [setting.initialWindow, limits.streamWindow],
      [setting.maxHeaderList, limits.head.size],
    ]);
  }

  get peerIsServer(): boolean {
    return true;
  }

  /** How many more requests it takes now. */
  get room(): number {
    if (this.goingAway || this.failure !== undefined || this.#nextId > lastId) return 0;
    return Math.max(0, Math.min(this.limits.streams, this.peer.maxStreams) - this.streams.size);
  }

  /** Whether the backend takes requests for tunnels (RFC 8441 section 3). */
  get takesTunnels(): boolean {
    return this.peer.enableConnect;
  }

  /**
   * Sends the head of a request, for which there must be {@link room}.
   * @param last there is no body. @returns what takes the body.
   */
  request(head: RequestHead, last: boolean, user: ResponseUser, edits?: HeadEdits): ClientStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new ClientStream(this, id, head, user);
    this.streams.add(stream);
    this.writer.headers(id, this.heads.request(head, edits), last);
    if (last) stream.outgoing.finished();
    return stream;
  }

  /** Sends no more requests; the present ones go on. */
  drain(): void {
    if (!this.goingAway) this.leave();
  }

  isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#nextId;
  }

  beginStream(id: number, _block: HeaderBlock, _last: boolean): void {
    if (this.isIdle(id))
      throw new ConnectionError(errorCode.protocol, "HEADERS on a stream that nobody began");
    throw new ConnectionError(errorCode.streamClosed, "HEADERS on a stream that is closed");
  }

  /** Streams above the last one were not looked at: their requests may be sent elsewhere (RFC 9113 section 6.8). */
  goAway(lastStream: number, code: number): void {
    this.goAwayCode = code;
    for (const stream of this.streams.all()) if (stream.id > lastStream) stream.cut(responseFaults.not_read);
    if (!this.goingAway) this.leave();
  }

  /** Servers have no say in it (RFC 9218 section 7.1). */
  priorityUpdate(): void {
    throw new ConnectionError(errorCode.protocol, "PRIORITY_UPDATE from a server");
  }
}
