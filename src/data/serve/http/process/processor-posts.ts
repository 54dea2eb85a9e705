import type { ResponseHead } from "../../../../http/message.ts";
import type { HttpTerms } from "../../../../model/http/processing.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import { AskHead } from "../ask/ask-head.ts";
import { ServerCall } from "../ask/server-call.ts";
import { longestMessage, type Talk, type TalkOwner, type TalkPlace } from "./talk.ts";

/** A processor that is asked over HTTP: each message is a request of its own, and its answer the processor's. */
export class ProcessorPosts implements Talk {
  /** Heads alone are sent so. */
  readonly takes = true;
  readonly behind = 0;
  isOver = false;
  readonly #place: TalkPlace;
  readonly #terms: HttpTerms;
  readonly #lines: string;
  readonly #owner: TalkOwner;
  /** Those that have no answer: that of a request, and that of its answer at most. */
  #open: readonly Post[] = [];
  #hasBegun = false;
  #ending: NodeJS.Timeout | undefined = undefined;

  constructor(place: TalkPlace, terms: HttpTerms, lines: string, owner: TalkOwner) {
    this.#place = place;
    this.#terms = terms;
    this.#lines = lines;
    this.#owner = owner;
  }

  tell(message: Buffer): void {
    if (this.isOver) return;
    const post = new Post(this.#place, this.#terms, { message, lines: this.#lines }, this);
    this.#open = [...this.#open, post];
    if (this.#hasBegun) post.begin();
  }

  begin(): void {
    this.#hasBegun = true;
    for (const post of this.#open) post.begin();
  }

  pause(): void {}

  resume(): void {}

  answered(post: Post, message: Buffer): void {
    this.#closed(post);
    if (!this.isOver) this.#owner.message(message);
  }

  lost(post: Post, detail: string): void {
    this.#closed(post);
    if (this.isOver) return;
    this.drop();
    this.#owner.failed(detail);
  }

  #closed(post: Post): void {
    this.#open = this.#open.filter((other) => other !== post);
    if (this.#ending !== undefined && this.#open.length === 0) this.drop();
  }

  leave(time: number, waits: boolean): void {
    if (this.isOver || this.#ending !== undefined) return;
    if (waits && this.#open.length > 0) this.#ending = setTimeout(() => this.drop(), time).unref();
    else this.drop();
  }

  drop(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.#ending);
    for (const post of this.#open) post.drop();
    this.#owner.gone();
  }

  endIfOverdue(now: number): void {
    for (const post of this.#open) post.endIfOverdue(now);
  }

  vacate(slot: number): void {
    for (const post of this.#open) post.vacate(slot);
  }
}

const contentType = "content-type: application/json\r\n";

/** One message and its answer. */
class Post extends ServerCall {
  readonly head: AskHead;
  readonly #message: Buffer;
  readonly #lines: string;
  readonly #posts: ProcessorPosts;
  readonly #parts: Buffer[] = [];
  #length = 0;

  constructor(
    { plane, view, pool }: TalkPlace,
    { host, path, query }: HttpTerms,
    { message, lines }: { readonly message: Buffer; readonly lines: string },
    posts: ProcessorPosts,
  ) {
    super(view, { plane, pool, authority: host, deadline: undefined });
    this.head = new AskHead(view, { method: "POST", path, query });
    this.head.length = message.length;
    this.#message = message;
    this.#lines = contentType + lines;
    this.#posts = posts;
  }

  protected override send(upstream: RequestUpstream): void {
    upstream.request(this, this.head, true, { dropped: new Uint8Array(0), lines: this.#lines });
    // A copy: whoever sends it may write to it.
    upstream.requestBody.body(Buffer.from(this.#message), 0, this.#message.length, true);
  }

  override response({ status }: ResponseHead): void {
    this.isAnswered = true;
    this.side.dispatch.answered(this.sentAt, status === 200);
    if (status !== 200) this.failed(undefined, `it answers with status ${status}`);
  }

  override body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.isOver) return true;
    this.#length += end - start;
    if (this.#length > longestMessage) {
      this.failed(undefined, `a message has more than ${longestMessage} bytes`);
      return true;
    }
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    if (last) this.end();
    return true;
  }

  override end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.side.served(true);
    this.#posts.answered(this, Buffer.concat(this.#parts));
  }

  protected override lost(detail: string): void {
    this.#posts.lost(this, detail);
  }
}
