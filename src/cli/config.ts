import { didYouMean } from "../lib/suggest.ts";
import type { EffectiveValue } from "../providers/provider.ts";
import { formatEffective } from "../providers/toml/effective.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";
import { loadOrExplain } from "./load.ts";

export interface ConfigOptions extends AdminChoice {
  /** A bootstrap file of Envoy's, instead of a configuration. */
  readonly envoyConfig?: string;
  /** Whether to leave out what has its default. */
  readonly changed?: true;
  /** Whether to print the JSON of `GET /config`. */
  readonly json?: true;
}

/**
 * `umay config`: every effective key with its source, of a configuration or, with `--admin`, of a running umay.
 * @param key only this key, or the keys of this table.
 */
export async function config(key: string | undefined, options: ConfigOptions): Promise<number> {
  const { json, changed, ...choice } = options;
  const values = await read(choice);
  if (typeof values === "number") return values;
  const named = key === undefined ? values : values.filter((value) => isWithin(value.key, key));
  if (key !== undefined && named.length === 0) {
    const hint = didYouMean(key, namesOf(values));
    printError(`there is no key ${key}${hint === undefined ? "" : `; ${hint}`}`);
    return exitCode.failed;
  }
  const shown = changed ? named.filter(({ origin }) => origin !== "default") : named;
  process.stdout.write(json ? `${JSON.stringify({ values: shown }, null, 2)}\n` : formatEffective(shown));
  return exitCode.good;
}

/** @returns the exit code when there are none; the reason was written to standard error. */
async function read(choice: AdminChoice): Promise<readonly EffectiveValue[] | number> {
  if (choice.admin === undefined)
    return (await (await loadOrExplain(choice))?.effective()) ?? exitCode.badConfig;
  let answered: readonly EffectiveValue[] = [];
  const code = await withAdmin<{ values: readonly EffectiveValue[] }>(
    choice,
    { path: "/config" },
    ({ values }) => {
      answered = values;
    },
  );
  return code === exitCode.good ? answered : code;
}

const isWithin = (key: string, table: string): boolean =>
  key === table || key.startsWith(`${table}.`) || key.startsWith(`${table}[`);

/** Keys, and the tables that they are in. */
function namesOf(values: readonly EffectiveValue[]): Set<string> {
  const names = new Set<string>();
  for (const { key } of values) {
    names.add(key);
    for (let at = key.indexOf("."); at !== -1; at = key.indexOf(".", at + 1)) names.add(key.slice(0, at));
  }
  return names;
}
