import { BlockAssembler } from "./block-assembler.ts";
import type { Connection } from "./connection.ts";
import { contentOf, type FrameReceiver } from "./frame-reader.ts";
import type { BlockLimits } from "./header-block.ts";
import { HeaderBlock } from "./header-block.ts";
import { Decoder } from "./hpack/decoder.ts";
import { ConnectionError, errorCode, flag, frameType, most31 } from "./protocol.ts";
import type { Stream } from "./stream.ts";

/** The calls that the two roles answer in their own ways. */
export interface Role {
  readonly peerIsServer: boolean;
  /** Whether nobody has begun this stream yet. */
  isIdle(id: number): boolean;
  /** HEADERS for a stream that is not open, nor was ended from here a short while ago. */
  beginStream(id: number, block: HeaderBlock, last: boolean): void;
  goAway(lastStream: number, code: number): void;
  /** RFC 9218 section 7.1. */
  priorityUpdate(id: number, value: string): void;
}

/** The header block that is read: nobody looks at it any more once {@link Role.beginStream} has returned. */
const block = new HeaderBlock();

/** Holds every frame of the peer against the rules of RFC 9113, section 6, and passes on what it says. */
export class FrameHandler implements FrameReceiver {
  readonly #connection: Connection;
  readonly #limits: BlockLimits;
  readonly #decoder = new Decoder();
  readonly #assembler = new BlockAssembler();
  /** Whether the peer's SETTINGS came. */
  begun = false;
  /** The stream of the DATA frame that is under way; undefined: nobody wants it. */
  #dataStream: Stream | undefined;
  #dataEnds = false;
  /** Of that frame, in bytes. */
  #dataLeft = 0;

  constructor(connection: Connection, limits: BlockLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  /** The peer knows from now on how large a table it may make. @param size in bytes. */
  limitTable(size: number): void {
    this.#decoder.limitTable(size);
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.#expect(type, flags, id);
    switch (type) {
      case frameType.headers:
        this.#headers(flags, id, bytes, start, end);
        break;
      case frameType.continuation:
        if (this.#assembler.continue(flags, bytes, start, end, this.#connection.budget)) {
          const whole = this.#assembler.take();
          this.#block(id, this.#assembler.endsStream, whole, 0, whole.length);
        }
        break;
      case frameType.priority:
        this.#priority(id, bytes, start, end);
        break;
      case frameType.reset:
        this.#reset(id, bytes, start, end);
        break;
      case frameType.settings:
        this.#settings(flags, id, bytes, start, end);
        break;
      case frameType.pushPromise:
        fail(errorCode.protocol, "PUSH_PROMISE");
        break;
      case frameType.ping:
        this.#ping(flags, id, bytes, start, end);
        break;
      case frameType.goAway:
        if (id !== 0) fail(errorCode.protocol, "GOAWAY on a stream");
        expectLength(end - start >= 8, "GOAWAY");
        this.#connection.budget.free();
        this.#connection.goAway(bytes.readUInt32BE(start) & most31, bytes.readUInt32BE(start + 4));
        break;
      case frameType.windowUpdate:
        this.#windowUpdate(id, bytes, start, end);
        break;
      case frameType.priorityUpdate:
        this.#priorityUpdate(id, bytes, start, end);
        break;
      default:
        this.#connection.budget.free();
    }
  }

  /** SETTINGS come first, and nothing between the frames of a header block (RFC 9113 sections 3.4 and 6.10). */
  #expect(type: number, flags: number, id: number): void {
    if (!this.begun) {
      if (type !== frameType.settings || (flags & flag.ack) !== 0) fail(errorCode.protocol, "no SETTINGS");
      this.begun = true;
    }
    const { stream } = this.#assembler;
    const continues = type === frameType.continuation;
    if (stream === 0 ? continues : !continues || id !== stream)
      fail(errorCode.protocol, "a header block that is cut short");
  }

  #headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) fail(errorCode.protocol, "HEADERS without a stream");
    const content = contentOf(flags, bytes, start, end);
    if ((flags & flag.priority) !== 0) {
      const dependency = bytes.readUInt32BE(content.start - 5) & most31;
      if (dependency === id) fail(errorCode.protocol, "a stream that depends on itself");
    }
    if ((flags & flag.endHeaders) === 0) this.#assembler.begin(id, flags, bytes, content.start, content.end);
    else this.#block(id, (flags & flag.endStream) !== 0, bytes, content.start, content.end);
  }

  /** Always decoded, whatever becomes of it: the tables are the connection's. */
  #block(id: number, last: boolean, bytes: Buffer, start: number, end: number): void {
    block.begin(this.#limits);
    this.#decoder.decode(bytes, start, end, block);
    block.end();
    const stream = this.#connection.stream(id);
    if (stream !== undefined) {
      if (stream.received) stream.error(errorCode.streamClosed);
      else stream.headers(block, last);
    } else if (this.#connection.wasEnded(id)) this.#connection.budget.free();
    else this.#connection.beginStream(id, block, last);
  }

  dataBegins(id: number, flags: number, length: number): void {
    this.#expect(frameType.data, flags, id);
    if (id === 0) fail(errorCode.protocol, "DATA without a stream");
    if (!this.#connection.window.take(length))
      fail(errorCode.flowControl, "more DATA than the connection's window");
    const ends = (flags & flag.endStream) !== 0;
    if (length > 0) this.#connection.budget.dataReceived();
    else if (!ends) this.#connection.budget.glitch(1);
    this.#dataEnds = ends;
    this.#dataLeft = length;
    this.#dataStream = this.#openStream(id);
    if (this.#dataStream?.window.take(length) === false) this.#dataStream.error(errorCode.flowControl);
  }

  /** @returns undefined where what comes is to be dropped. */
  #openStream(id: number): Stream | undefined {
    const stream = this.#connection.stream(id);
    if (stream === undefined) {
      this.#expectKnown(id, "DATA");
      if (!this.#connection.wasEnded(id)) fail(errorCode.streamClosed, "DATA on a stream that is closed");
      this.#connection.budget.free();
    } else if (stream.received) stream.error(errorCode.streamClosed);
    else if (!stream.takesData) stream.error(errorCode.protocol);
    else return stream;
    return undefined;
  }

  data(_bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#dataStream;
    this.#dataLeft -= end - start;
    if (stream === undefined || stream.gone) this.#connection.credit(end - start);
    else stream.takeData(start, end, last && this.#dataEnds);
  }

  dataEnds(): void {
    const stream = this.#dataStream;
    // The rest is padding.
    this.#connection.credit(this.#dataLeft);
    if (stream === undefined || stream.gone) return;
    stream.creditStream(this.#dataLeft);
    if (this.#dataEnds && !stream.received) stream.takeEnd(undefined);
  }

  /** A frame on a stream that nobody has begun yet is an error of the connection (RFC 9113 section 5.1). */
  #expectKnown(id: number, what: string): void {
    if (this.#connection.isIdle(id)) fail(errorCode.protocol, `${what} on a stream that is idle`);
  }

  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) fail(errorCode.protocol, "PRIORITY without a stream");
    expectLength(end - start === 5, "PRIORITY");
    if ((bytes.readUInt32BE(start) & most31) === id)
      fail(errorCode.protocol, "a stream that depends on itself");
    this.#connection.budget.free();
  }

  #reset(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) fail(errorCode.protocol, "RST_STREAM without a stream");
    expectLength(end - start === 4, "RST_STREAM");
    this.#expectKnown(id, "RST_STREAM");
    const stream = this.#connection.stream(id);
    if (stream === undefined) this.#connection.budget.glitch(1);
    else {
      this.#connection.resets.received++;
      stream.resetCode = bytes.readUInt32BE(start);
      stream.resetByPeer();
    }
  }

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) fail(errorCode.protocol, "SETTINGS on a stream");
    if ((flags & flag.ack) !== 0) {
      expectLength(end === start, "an acknowledgement of SETTINGS");
      this.#connection.settingsAcknowledged();
      return;
    }
    expectLength((end - start) % 6 === 0, "SETTINGS");
    this.#connection.budget.settings();
    this.#connection.takeSettings(bytes, start, end, this.#connection.peerIsServer);
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) fail(errorCode.protocol, "PING on a stream");
    expectLength(end - start === 8, "PING");
    if ((flags & flag.ack) === 0) {
      this.#connection.budget.ping();
      this.#connection.writer.ping(flag.ack, bytes, start);
    } else if (!this.#connection.pings.takeAnswer(bytes, start)) this.#connection.budget.glitch(1);
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    expectLength(end - start === 4, "WINDOW_UPDATE");
    this.#connection.budget.free();
    const credit = bytes.readUInt32BE(start) & most31;
    if (id === 0) {
      if (credit === 0) fail(errorCode.protocol, "WINDOW_UPDATE of 0");
      this.#connection.widenSendWindow(credit);
      return;
    }
    this.#expectKnown(id, "WINDOW_UPDATE");
    const stream = this.#connection.stream(id);
    if (stream === undefined) return;
    if (credit === 0) stream.error(errorCode.protocol);
    else if (stream.outgoing.window + credit > most31) stream.error(errorCode.flowControl);
    else {
      stream.outgoing.window += credit;
      this.#connection.wait(stream);
    }
  }

  #priorityUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) fail(errorCode.protocol, "PRIORITY_UPDATE on a stream");
    expectLength(end - start >= 4, "PRIORITY_UPDATE");
    this.#connection.budget.free();
    this.#connection.priorityUpdate(
      bytes.readUInt32BE(start) & most31,
      bytes.toString("latin1", start + 4, end),
    );
  }
}

function fail(code: number, message: string): never {
  throw new ConnectionError(code, message);
}

function expectLength(good: boolean, what: string): void {
  if (!good) fail(errorCode.frameSize, `${what} of a wrong length`);
}
