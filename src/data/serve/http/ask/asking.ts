import type { ForwardAuth } from "../../../../model/http/guard.ts";
import type { Processor } from "../../../../model/http/processing.ts";
import type { HttpPlane } from "../plane.ts";
import { ProcessorJudge } from "../process/processor-judge.ts";
import { ForwardJudge } from "./forward-auth.ts";

/** The judge of a guard that asks a server. */
export const asking = (guard: ForwardAuth | Processor, plane: HttpPlane): ForwardJudge | ProcessorJudge =>
  guard.kind === "process" ? new ProcessorJudge(guard, plane) : new ForwardJudge(guard, plane);
