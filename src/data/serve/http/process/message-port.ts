import type { Fields } from "../../../../http/message.ts";
import type { PartAnswer } from "./answers.ts";

/** The ways that the parts of a message go: to the processor, and on. */
export interface MessagePort {
  askHead(isAll: boolean): void;
  askBody(bytes: Uint8Array, last: boolean): void;
  askTrailers(trailers: Fields): void;
  /** Whether the processor takes more at once. */
  readonly processorTakes: boolean;
  /** @returns what is wrong with the change; undefined: it is made. */
  changeHead(answer: PartAnswer): string | undefined;
  changeTrailers(trailers: Fields, answer: PartAnswer): Fields | string;
  /** The head goes on. @param length of the body, or `unknownLength`; undefined: as it was. */
  passHead(length: number | undefined): void;
  passBody(bytes: Buffer, start: number, end: number, last: boolean): boolean;
  passEnd(trailers: Fields | undefined): void;
  /** More of the message is wanted, after `ProcessedMessage.body` has returned false. */
  resume(): void;
  /** A body is longer than may be collected. */
  tooLong(): void;
}

export interface MessageTerms {
  /** Of a body that is collected, in bytes. */
  readonly buffer: number;
  readonly looksOn: boolean;
  readonly sendsEarly: boolean;
}
