import type { Processor } from "../../../../model/http/processing.ts";
import type { Verdict, Waiter, Waiting } from "../../../guard/step.ts";
import { seeing } from "../ask/name-tests.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestView } from "../view.ts";
import { HeadChanger } from "./changes.ts";
import { Places } from "./places.ts";
import { Processing } from "./processing.ts";

/** Requests of a worker that a processor has a say in, and calls of requests that are over. */
const mostUnderWay = 4_096;

/** Has a processor look at requests. It lets them pass, changed or not; and stays with them until they are over. */
export class ProcessorJudge {
  readonly definition: Processor;
  readonly plane: HttpPlane;
  readonly changer: HeadChanger;
  /** Whether the processor gets a field, by its name in lower case. */
  readonly sees: (name: string) => boolean;
  readonly places: Places;

  /** @throws where a rule has a regular expression, and `loadRegexes` was not awaited. */
  constructor(definition: Processor, plane: HttpPlane, most = mostUnderWay) {
    const { only, never } = definition.sees;
    this.places = new Places(most);
    this.definition = definition;
    this.plane = plane;
    this.changer = new HeadChanger(definition.rules);
    this.sees = seeing(only.length > 0 ? only : undefined, never);
  }

  judge(view: RequestView, waiter: Waiter): Verdict | Waiting {
    const pool = view.connection.listener.poolNamed(this.definition.pool);
    if (pool === undefined) return this.#failed("its pool has left the configuration");
    const place = this.places.take();
    if (place === undefined) return this.#failed("it has too many requests");
    return new Processing(this, { pool, view, place }, waiter).begin();
  }

  #failed(detail: string): Verdict {
    const { onFailure, failureStatus, looksOn } = this.definition;
    if (onFailure === "pass" || looksOn) return { kind: "pass" };
    return { kind: "refuse", reason: "processor_failed", detail, status: failureStatus };
  }
}
