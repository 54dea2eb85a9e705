import type { Model } from "../model.ts";
import { bindsOf, checkBinds } from "./binds.ts";
import { checkChains } from "./chains.ts";
import type { ModelFinding } from "./finding.ts";
import { checkHttp } from "./http/routes.ts";
import { checkNames } from "./names.ts";
import { checkPools } from "./pools.ts";

/**
 * Checks the parts of a model against each other, whatever provider made it.
 * @param leftOut names of pools that its provider had to leave out.
 */
export function checkModel(model: Model, leftOut: readonly string[] = []): readonly ModelFinding[] {
  return [
    ...checkNames(model),
    ...checkBinds(bindsOf(model)),
    ...checkPools(model, leftOut),
    ...model.listeners.flatMap(checkChains),
    ...checkHttp(model),
  ];
}
