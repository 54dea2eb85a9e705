import { grpcStatusOf } from "../../../../http/grpc.ts";
import { type Fields, type ResponseHead, unknownLength } from "../../../../http/message.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import { AskHead } from "../ask/ask-head.ts";
import { ServerCall } from "../ask/server-call.ts";
import { MessageReader } from "./grpc-messages.ts";
import { longestMessage, type Talk, type TalkOwner, type TalkPlace } from "./talk.ts";

/** A field of each call. */
const contentType = "content-type: application/grpc\r\n";

/** Its messages follow, for as long as the request goes on. */
const path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/** Bytes that are sent once more where the connection turns out to have ended before the processor heard of them. */
const mostRepeated = 65_536;

/** One call of a processor: messages go both ways, for one request and its answer. */
export class ProcessorCall extends ServerCall implements Talk {
  readonly head: AskHead;
  /** Bytes that were sent and have not gone out. */
  behind = 0;
  readonly #owner: TalkOwner;
  readonly #lines: string;
  readonly #reader = new MessageReader(longestMessage);
  /** Messages that the processor has not answered yet with a byte; undefined: there are too many of them to be sent again. */
  #unheard: Buffer[] | undefined = [];
  #unheardBytes = 0;
  #takes = true;
  #isPaused = false;
  #isReading = false;
  /** It has been left. */
  #ending: NodeJS.Timeout | undefined = undefined;
  #trailers: Fields | undefined | "none" = "none";

  /** @param lines that it has, each with its CRLF. */
  constructor({ plane, view, pool }: TalkPlace, lines: string, owner: TalkOwner) {
    super(view, { plane, pool, authority: "", deadline: undefined });
    this.#owner = owner;
    this.#lines = contentType + lines;
    this.head = new AskHead(view, { method: "POST", path, takesTrailers: true });
    this.head.length = unknownLength;
  }

  /** Whether what is sent goes out at once; before there is a connection, whoever sends keeps to bounds of its own. */
  get takes(): boolean {
    return this.#takes || this.sentAt === 0;
  }

  protected override get canRepeat(): boolean {
    return this.#unheard !== undefined;
  }

  /** @param message with its prefix, and whoever calls has no more use for it. */
  tell(message: Buffer): void {
    if (this.isOver) return;
    if (this.sentAt === 0 || !this.takes) this.behind += message.length;
    if (this.#unheard !== undefined) {
      this.#unheardBytes += message.length;
      if (this.#unheardBytes > mostRepeated && this.sentAt > 0) this.#unheard = undefined;
      // A copy: whoever sends it may write to it.
      else this.#unheard.push(this.sentAt > 0 ? Buffer.from(message) : message);
    }
    if (this.sentAt > 0) this.#write(message);
  }

  #write(message: Buffer): void {
    if (!this.side.upstream!.requestBody.body(message, 0, message.length, false)) this.#takes = false;
  }

  protected override send(upstream: RequestUpstream): void {
    upstream.request(this, this.head, true, { dropped: new Uint8Array(0), lines: this.#lines });
    this.#takes = true;
    this.behind = 0;
    const waiting = this.#unheard ?? [];
    if (this.#unheardBytes > mostRepeated) this.#unheard = undefined;
    for (const message of waiting) this.#write(this.#unheard === undefined ? message : Buffer.from(message));
    if (this.#ending !== undefined) upstream.requestBody.end(undefined);
  }

  /**
   * Says that nothing more comes, and hears nothing more. A call that is reset instead counts against umay: servers end
   * connections with many resets (CVE-2023-44487), and with them every other call.
   * @param time that the processor has to end it, too, in milliseconds.
   * @param waits whether what waits for a connection is still sent.
   */
  leave(time: number, waits: boolean): void {
    if (this.isOver || this.#ending !== undefined) return;
    if (this.sentAt === 0 && !waits) {
      this.drop();
      return;
    }
    this.#ending = setTimeout(() => this.drop(), time).unref();
    if (this.sentAt > 0) this.side.upstream!.requestBody.end(undefined);
    this.resume();
  }

  /** No message is wanted until {@link resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#read();
    if (!this.#isPaused && !this.isOver) this.side.upstream?.resume();
  }

  override drained(): void {
    this.#takes = true;
    this.behind = 0;
    this.#owner.callTakes();
  }

  override response({ status, fields }: ResponseHead): void {
    const code = grpcStatusOf(fields);
    this.#unheard = undefined;
    this.side.dispatch.answered(this.sentAt, status === 200);
    if (status !== 200) this.failed(undefined, `it answers with status ${status}`);
    else if (code !== undefined && code !== 0) this.failed(undefined, `status ${code} of gRPC`);
  }

  override body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#reader.append(bytes, start, end);
    if (last) this.#trailers = undefined;
    this.#read();
    return !this.#isPaused || this.isOver;
  }

  override end(trailers: Fields | undefined): void {
    this.#trailers = trailers?.retain();
    this.#read();
  }

  /** Hands over what has come, one message after the other: each may pause the call, or be its last. */
  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isPaused && !this.isOver) {
      const message = this.#reader.next();
      if (typeof message === "string") this.failed(undefined, message);
      else if (message !== undefined) this.#owner.message(message);
      else {
        if (this.#trailers !== "none") this.#end(this.#trailers);
        break;
      }
    }
    this.#isReading = false;
  }

  #end(trailers: Fields | undefined): void {
    const code = (trailers && grpcStatusOf(trailers)) ?? 0;
    if (code !== 0) this.failed(undefined, `status ${code} of gRPC`);
    else if (this.#reader.isWithin) this.failed(undefined, "its last message is not whole");
    else {
      this.drop();
      this.#owner.over();
    }
  }

  protected override lost(detail: string): void {
    this.#owner.failed(detail);
  }

  override drop(): void {
    if (this.isOver) return;
    clearTimeout(this.#ending);
    super.drop();
    this.#owner.gone();
  }
}
