import type { ReloadAnswer } from "../control/change/reload.ts";
import { type AdminChoice, longTimeout, withAdmin } from "./admin-client.ts";
import { printError } from "./exit.ts";

export interface ReloadOptions extends AdminChoice {
  readonly dryRun?: true;
  /** Whether to print the answer's JSON. */
  readonly json?: true;
}

/** `umay reload`: returns when the reload is done. */
export function reload({ dryRun, json, ...choice }: ReloadOptions): Promise<number> {
  const path = dryRun ? "/reload?dry_run=true" : "/reload";
  return withAdmin<ReloadAnswer>(choice, { path, method: "POST", timeout: longTimeout }, (answer) => {
    for (const warning of answer.warnings) printError(`warning: ${warning}`);
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : textOf(answer));
  });
}

function textOf({ result, generation, changes, values, needs_restart }: ReloadAnswer): string {
  const head = {
    applied: `reloaded; generation ${generation} is served`,
    unchanged: "reloaded; nothing has changed",
    tried: changes.length > 0 ? "would change" : "nothing would change",
  }[result];
  const later = needs_restart.map((key) => `${key}: counts from the next start on`);
  const lines = [...changes, ...values.flatMap(valueLines), ...later];
  return [head, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

/** The old and the new value of a key, each with its place. */
function valueLines({ key, before, after }: ReloadAnswer["values"][number]): string[] {
  const side = (mark: string, given: typeof before): string[] =>
    given === null ? [] : [`  ${mark} ${key} = ${JSON.stringify(given.value)}  # ${given.origin}`];
  return [...side("-", before), ...side("+", after)];
}
