import type { Model } from "../model.ts";
import { bindsOf, checkBinds } from "./binds.ts";
import { checkChains } from "./chains.ts";
import type { ModelFinding } from "./finding.ts";
import { checkHttp } from "./http/routes.ts";
import { checkLoops } from "./loops.ts";
import { checkNames } from "./names.ts";
import { checkPools } from "./pools.ts";

/**
 * Checks the parts of a model against each other, whatever provider made it.
 * @param leftOut names of pools that its provider had to leave out.
 * @param own addresses of this machine.
 */
export function checkModel(
  model: Model,
  leftOut: readonly string[] = [],
  own: ReadonlySet<string> = new Set(),
): readonly ModelFinding[] {
  return [
    ...checkNames(model),
    ...checkBinds(bindsOf(model)),
    ...checkPools(model, leftOut),
    ...checkLoops(model, own),
    ...model.listeners.flatMap(checkChains),
    ...checkHttp(model),
  ];
}
