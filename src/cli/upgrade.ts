import type { UpgradeAnswer } from "../control/process/upgrade.ts";
import { type AdminChoice, longTimeout, withAdmin } from "./admin-client.ts";

export interface UpgradeOptions extends AdminChoice {
  /** Whether to print the answer's JSON. */
  readonly json?: true;
}

/** `umay upgrade`: returns when the new process serves. */
export function upgrade({ json, ...choice }: UpgradeOptions): Promise<number> {
  const request = { path: "/upgrade", method: "POST", timeout: longTimeout } as const;
  return withAdmin<UpgradeAnswer>(choice, request, (answer) => {
    const text = `process ${answer.pid} serves, process ${answer.drains} drains`;
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : `${text}\n`);
  });
}
