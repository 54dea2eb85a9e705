import type { Fields } from "../../../../http/message.ts";
import type { Refusal } from "../../../guard/step.ts";
import type { HeadMutation } from "./answers.ts";
import type { HeadChanger } from "./changes.ts";
import type { Direction, Part } from "./questions.ts";

/** A processor's say in a request, as the ports of its two messages need it. */
export interface PortOwner {
  readonly changer: HeadChanger;
  readonly processorTakes: boolean;
  ask(direction: Direction, part: Part): void;
  changeTrailers(trailers: Fields, mutation: HeadMutation | undefined, most: number): Fields | string;
  /** The request's head may go on. */
  requestPasses(): void;
  /** Bytes went on. @param accepts whether more may follow. @returns `accepts`. */
  passed(direction: Direction, bytes: number, accepts: boolean): boolean;
  refuse(refusal: Refusal): void;
}
