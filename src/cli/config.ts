import type { EffectiveValue } from "../providers/provider.ts";
import { formatEffective } from "../providers/toml/effective.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { exitCode } from "./exit.ts";
import { loadOrExplain } from "./load.ts";

export interface ConfigOptions extends AdminChoice {
  /** Whether to print the JSON of `GET /config`. */
  readonly json?: true;
}

/** `umay config`: every effective key with its source, of a configuration or, with `--admin`, of a running umay. */
export async function config({ json, ...choice }: ConfigOptions): Promise<number> {
  const print = (values: readonly EffectiveValue[]): void =>
    void process.stdout.write(json ? `${JSON.stringify({ values }, null, 2)}\n` : formatEffective(values));
  if (choice.admin !== undefined)
    return withAdmin<{ values: readonly EffectiveValue[] }>(choice, { path: "/config" }, ({ values }) =>
      print(values),
    );
  const loaded = await loadOrExplain(choice.config);
  if (loaded === undefined) return exitCode.badConfig;
  print(await loaded.effective());
  return exitCode.good;
}
