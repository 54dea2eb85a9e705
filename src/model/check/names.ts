import type { Model } from "../model.ts";
import type { ModelFinding } from "./finding.ts";

/** Finds listeners and pools with the name of an earlier one: other parts refer to them by name. */
export function checkNames(model: Pick<Model, "listeners" | "pools">): readonly ModelFinding[] {
  return (["listeners", "pools"] as const).flatMap((table) => {
    const seen = new Set<string>();
    return model[table].flatMap(({ name }) => {
      if (!seen.has(name)) {
        seen.add(name);
        return [];
      }
      return [{ kind: "duplicate_name" as const, path: [table, name], name }];
    });
  });
}
