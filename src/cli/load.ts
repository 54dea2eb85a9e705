import { KubernetesProvider } from "../providers/kubernetes/provider.ts";
import { ConfigError, type ConfigProblem, type Provider } from "../providers/provider.ts";
import { type LoadedConfig, loadConfig } from "../providers/toml/load.ts";
import { TomlProvider } from "../providers/toml/provider.ts";
import { formatProblems } from "../providers/toml/report/format.ts";

/** @param file the value of `--config`. */
export function tomlProvider(file: string | undefined, env: NodeJS.ProcessEnv = process.env): TomlProvider {
  return new TomlProvider({ file, env, cwd: process.cwd() });
}

/** Where the configuration is. */
export interface ConfigChoice {
  /** A TOML file, the value of `--config`. */
  readonly config?: string | undefined;
  /** A bootstrap file of Envoy's instead. */
  readonly envoyConfig?: string | undefined;
}

/** The provider of a configuration, which is not read yet. */
export async function providerOf({ config, envoyConfig }: ConfigChoice): Promise<Provider> {
  if (envoyConfig === undefined) {
    const compiler = () => import("../data/serve/http/trial.ts");
    return new KubernetesProvider(tomlProvider(config), compiler);
  }
  // A start from TOML pays nothing for it.
  const { EnvoyProvider } = await import("../providers/envoy/provider.ts");
  return new EnvoyProvider({ file: envoyConfig, env: process.env, cwd: process.cwd() });
}

/** @throws ConfigError with every problem at once. */
export async function loadChoice({ config, envoyConfig }: ConfigChoice): Promise<LoadedConfig> {
  const options = { env: process.env, cwd: process.cwd() };
  if (envoyConfig === undefined) return withoutControlPlane(await loadConfig({ file: config, ...options }));
  const { loadEnvoy } = await import("../providers/envoy/load.ts");
  return loadEnvoy({ file: envoyConfig, ...options });
}

/** Pools that only the control plane of a configuration has are there without backends. */
async function withoutControlPlane(loaded: LoadedConfig): Promise<LoadedConfig> {
  if (loaded.model.xds === undefined) return loaded;
  const [{ withNamedPools }, { readDefaults }] = await Promise.all([
    import("../providers/xds/merge.ts"),
    import("../providers/toml/defaults.ts"),
  ]);
  const { pool } = await readDefaults({}, false);
  return { ...loaded, model: withNamedPools(loaded.model, pool) };
}

/** Loads the configuration. @returns undefined when it is wrong; its problems were written to standard error. */
export function loadOrExplain(choice: ConfigChoice): Promise<LoadedConfig | undefined> {
  return orExplain(loadChoice(choice));
}

/** @returns the result of `reading`; undefined when the configuration is wrong, with its problems on standard error. */
export async function orExplain<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    return undefined;
  }
}

export function printProblems(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0)
    process.stderr.write(formatProblems(problems, { color: process.stderr.hasColors?.() ?? false }));
}
