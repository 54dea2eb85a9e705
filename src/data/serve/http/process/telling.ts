import type { ResponseHead } from "../../../../http/message.ts";
import type { Processor } from "../../../../model/http/processing.ts";
import type { RequestView } from "../view.ts";
import { factsOf } from "./facts.ts";
import { questionText } from "./json-messages.ts";
import { type Direction, type Part, question } from "./questions.ts";

/** A processor, and what it is told of requests. */
export interface Told {
  readonly definition: Processor;
  /** Whether it gets a field, by its name in lower case. */
  readonly sees: (name: string) => boolean;
}

/**
 * The messages about one request: the first of all says how the processor is asked, and the first about the request, and about
 * its answer, has the facts.
 */
export class Telling {
  readonly #told: Told;
  readonly #view: RequestView;
  #isFirst = true;
  readonly #hasFacts = { request: false, response: false };

  constructor(told: Told, view: RequestView) {
    this.#told = told;
    this.#view = view;
  }

  /** @param answer as far as it has come. @returns the next message: over gRPC with its prefix. */
  message(direction: Direction, part: Part, answer: ResponseHead | undefined): Buffer {
    const { definition, sees } = this.#told;
    const names = this.#hasFacts[direction] ? [] : definition.facts[direction];
    const terms = this.#isFirst ? definition : undefined;
    this.#hasFacts[direction] = true;
    this.#isFirst = false;
    const seen = part.kind === "body" ? part : { ...part, lines: part.lines.filter(([name]) => sees(name)) };
    const facts = names.length === 0 ? undefined : factsOf(names, this.#view, answer);
    const write = definition.http === undefined ? question : questionText;
    return write(direction, seen, { facts, terms, looksOn: definition.looksOn });
  }
}
