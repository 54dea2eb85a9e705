import type { ServedPool } from "../../../dispatch/pool.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestView } from "../view.ts";
import type { Leavable } from "./places.ts";

/** Bytes of a message of a processor. */
export const longestMessage = 4 * 1_048_576 + 65_536;

/** The user of a talk. Of `over` and `failed` one is called at most, once, behind `gone`, and nothing after it. */
export interface TalkOwner {
  /** A message has come. */
  message(bytes: Buffer): void;
  /** The processor takes more. */
  callTakes(): void;
  /** The processor has ended it in order. */
  over(): void;
  failed(detail: string): void;
  /** Nothing more is sent or heard, whoever has ended it. */
  gone(): void;
}

export interface TalkPlace {
  readonly plane: HttpPlane;
  readonly view: RequestView;
  readonly pool: ServedPool;
}

/** The messages that go both ways between a processor and one request with its answer. */
export interface Talk extends Leavable {
  /** Whether what is sent goes out at once. */
  readonly takes: boolean;
  /** Bytes that were sent and have not gone out. */
  readonly behind: number;
  /** @param message whoever calls has no more use for it. */
  tell(message: Buffer): void;
  /** Behind the first message. */
  begin(): void;
  /** No message is wanted until {@link resume}. */
  pause(): void;
  resume(): void;
  /**
   * Nothing more comes.
   * @param time that the processor has to end it, too, in milliseconds.
   * @param waits whether what has not gone out is still sent.
   */
  leave(time: number, waits: boolean): void;
  /** @param now by performance.now(). */
  endIfOverdue(now: number): void;
  /** A server is to be left, by its slot. */
  vacate(slot: number): void;
}
