import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../control/tell/status/status.ts";
import { formatAddress } from "../lib/address.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { exitCode } from "./exit.ts";
import { formatStatus } from "./status-text.ts";

export interface StatusOptions extends AdminChoice {
  /** Whether to show it again and again, until Ctrl-C. */
  readonly watch?: true;
  /** Whether to show columns that few people need. */
  readonly wide?: true;
  /** Whether to print the JSON of `/status`. */
  readonly json?: true;
}

/** Time between two looks, in milliseconds. */
const period = 2_000;
/** Puts the cursor to the top left and clears the terminal below it (ECMA-48: CUP, ED). */
const clear = "\u001b[H\u001b[J";

/** `umay status`: the state of a running umay, as tables for people or as the JSON of `/status`. */
export async function status({ json, watch, wide = undefined, ...choice }: StatusOptions): Promise<number> {
  let umay: AdminChoice = choice;
  for (;;) {
    const code = await withAdmin<Status>(umay, { path: "/status" }, (answer, from) => {
      umay = { admin: formatAddress(from) };
      const text = json
        ? `${JSON.stringify(answer, null, watch ? undefined : 2)}\n`
        : formatStatus(answer, { wide: wide === true });
      process.stdout.write(watch && !json && process.stdout.isTTY ? clear + text : text);
    });
    if (!watch || code !== exitCode.good) return code;
    await sleep(period);
  }
}
