import type { Fault } from "../fault.ts";
import { type BodyReceiver, type Fields, unknownLength } from "../message.ts";
import type { Connection } from "./connection.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { Delivery } from "./inbox.ts";
import { type CreditSink, Incoming } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";
import { errorCode, frameHead } from "./protocol.ts";
import { type Sender, usualUrgency } from "./scheduler.ts";
import { ReceiveWindow } from "./windows.ts";

/** The user of a stream gets the message that comes in on it, and hears of the one that goes out. */
export interface StreamUser extends BodyReceiver {
  /** Nothing more comes, and nothing more is sent. */
  fail(fault: Fault): void;
  /** Nothing is held back any more: `body` may be called again. */
  ready(): void;
}

/** One exchange of a connection (RFC 9113 section 5), whichever side it is on. */
export abstract class Stream implements Sender, CreditSink, BodyReceiver {
  readonly id: number;
  next: Stream | undefined = undefined;
  urgency = usualUrgency;
  waiting = false;
  readonly window: ReceiveWindow;
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  /** The peer has said all that it will. */
  received = false;
  /** It ended before its end, on either side. */
  gone = false;
  /** The code of the peer's RST_STREAM (RFC 9113 section 7); undefined where there was none. */
  resetCode: number | undefined;
  /** The length of the body that comes in, as Content-Length says, or `unknownLength`. */
  expected = unknownLength;
  protected readonly connection: Connection;
  #length = 0;

  constructor(connection: Connection, id: number) {
    this.connection = connection;
    this.id = id;
    this.window = new ReceiveWindow(connection.ownWindow);
    this.incoming = new Incoming(this);
    this.outgoing = new Outgoing(this, connection, connection.peer.initialWindow);
  }

  /** Undefined as long as nobody knows of the stream. */
  protected abstract get user(): StreamUser | undefined;
  /** The fault of a message that is cut short. */
  protected abstract get cutShort(): Fault;
  /** A header block for a stream that is open. */
  abstract headers(block: HeaderBlock, last: boolean): void;
  /** All is sent. */
  abstract sent(): void;
  /** RST_STREAM came, see {@link Stream.resetCode}. */
  abstract resetByPeer(): void;
  /** Whether DATA may come now. */
  abstract get takesData(): boolean;

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.outgoing.body(bytes, start, end, last);
  }

  end(trailers: Fields | undefined): void {
    this.outgoing.end(trailers);
  }

  /** More of the body that comes in is wanted, after `body` of the user has returned false. */
  resume(): void {
    if (!this.gone && this.user !== undefined) this.incoming.resume(this.user);
  }

  /** Ends it for both sides. @param code as in RFC 9113 section 7. */
  cancel(code: number = errorCode.cancel): void {
    if (this.gone || (this.received && this.outgoing.closed)) return;
    this.connection.sendReset(this.id, code);
    this.abandon();
  }

  /** The message that goes out is cut short: what waits of it is sent, and then a reset. @param code as in {@link Stream.cancel}. */
  breakOff(code: number): void {
    if (this.outgoing.waiting === 0) this.cancel(code);
    else this.outgoing.breakOff(code);
  }

  /** Nothing more is to come or to go. */
  abandon(): void {
    if (this.gone) return;
    this.gone = true;
    this.outgoing.drop();
    this.incoming.drop();
    this.connection.forget(this);
  }

  /** It is over before its end, and the user is to know. */
  cut(fault = this.cutShort): void {
    if (this.gone) return;
    this.abandon();
    this.connection.inbox.push(this, deliverFault, fault);
  }

  /** The peer broke a rule for this stream alone (RFC 9113 section 5.4.2). */
  error(code: number, fault = this.cutShort): void {
    this.connection.budget.reset();
    this.connection.sendReset(this.id, code);
    this.cut(fault);
  }

  /** A part of a read. @param last the body is complete with it. */
  takeData(start: number, end: number, last: boolean): void {
    this.#length += end - start;
    if (!this.#fits(last)) {
      this.connection.credit(end - start);
      return;
    }
    if (last) this.received = true;
    this.connection.inbox.pushPart(this, last ? deliverLast : deliverData, start, end);
    if (last) this.endIfDone();
  }

  /** The body's end came alone. */
  takeEnd(trailers: Fields | undefined): void {
    if (!this.#fits(true)) return;
    this.received = true;
    this.connection.inbox.push(this, deliverEnd, trailers);
    this.endIfDone();
  }

  creditConnection(bytes: number): void {
    this.connection.credit(bytes);
  }

  creditStream(bytes: number): void {
    this.tell(this.window.credit(bytes));
  }

  /** @param credit that the peer is to know of, if any. */
  tell(credit: number): void {
    if (credit > 0 && !this.received && !this.gone) this.connection.writer.windowUpdate(this.id, credit);
  }

  /** Sends what waits, as far as a turn goes. */
  turn(): void {
    if (this.outgoing.turn()) this.user?.ready();
  }

  deliverTo(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.incoming.data(this.gone ? undefined : this.user, bytes, start, end, last);
  }

  deliverEndTo(trailers: Fields | undefined): void {
    if (!this.gone) this.incoming.end(this.user, trailers);
  }

  failUser(fault: Fault): void {
    this.user?.fail(fault);
  }

  protected endIfDone(): void {
    if (this.received && this.outgoing.closed) this.connection.forget(this);
  }

  /** Whether the body has as many bytes as was said (RFC 9113 section 8.1.1). */
  #fits(last: boolean): boolean {
    const { expected } = this;
    if (expected === unknownLength || (last ? this.#length === expected : this.#length <= expected))
      return true;
    this.error(errorCode.protocol);
    return false;
  }
}

const deliverData: Delivery = ({ stream, start, end }, bytes) =>
  deliverPart(stream, bytes, start, end, false);
const deliverLast: Delivery = ({ stream, start, end }, bytes) => deliverPart(stream, bytes, start, end, true);
const deliverEnd: Delivery = ({ stream, content }) => stream.deliverEndTo(content as Fields | undefined);
const deliverFault: Delivery = ({ stream, content }) => stream.failUser(content as Fault);

/**
 * A receiver may write around its part. All that is before it is used up; behind it is a frame's head that is used up
 * too, and then maybe the next part.
 */
function deliverPart(stream: Stream, bytes: Buffer, start: number, end: number, last: boolean): void {
  stream.deliverTo(bytes.subarray(0, end + frameHead), start, end, last);
}
