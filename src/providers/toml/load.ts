import { dirname } from "node:path";
import type { Finding, Path } from "../../lib/findings.ts";
import type { Model } from "../../model/model.ts";
import type { EffectiveValue } from "../provider.ts";
import { ConfigError, type ConfigProblem } from "../provider.ts";
import { findConfig } from "./find.ts";
import { hideInserted, insertedByOverrides } from "./hide.ts";
import { interpolate } from "./interpolate.ts";
import { applyOverrides } from "./override.ts";
import { parseConfig } from "./parse.ts";
import { type Input, readConfig } from "./read.ts";
import { locate } from "./report/locate.ts";
import { resolveSettings } from "./resolve/resolve.ts";
import { isTable, isWithin } from "./tree.ts";
import { isAboutUnchecked, validate } from "./validate.ts";

export interface LoadOptions {
  /** The value of `--config`, `-` for standard input; undefined: `UMAY_CONFIG`, then the usual places. */
  readonly file: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin?: Input;
  /** Whether standard output is a terminal, which decides how logs look by default. */
  readonly terminal?: boolean;
}

export interface LoadedConfig {
  readonly model: Model;
  /** Sorted by position. */
  readonly warnings: readonly ConfigProblem[];
  /** Every effective key with its source. */
  effective(): Promise<readonly EffectiveValue[]>;
  /** Absolute path of the file that was read, `-` for standard input. */
  readonly file: string;
}

/** A configuration with where its relative paths start. */
export interface PlacedConfig extends LoadedConfig {
  /** Absolute. */
  readonly directory: string;
}

/**
 * Finds, reads and checks the configuration, with the certificates that it names.
 * @throws ConfigError with every problem at once.
 */
export async function loadConfig(options: LoadOptions): Promise<PlacedConfig> {
  const { env, cwd } = options;
  const source = await findConfig(options.file, env, cwd);
  const text = await readConfig(source, options.stdin ?? process.stdin);
  const directory = source.file === "-" ? cwd : dirname(source.file);
  const terminal = options.terminal ?? process.stdout.isTTY === true;
  const loaded = await loadConfigText(text, { name: source.name, directory, env, terminal });
  return { ...loaded, file: source.file, directory };
}

export interface TextOptions {
  /** The name of the text in problems. */
  readonly name: string;
  /** Absolute; relative paths in the text start here. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether standard output is a terminal; default: it is not. */
  readonly terminal?: boolean;
  /** Takes values that are planned, where the schema knows them already: for tests of what is being built. */
  readonly takePlanned?: boolean;
}

/**
 * Checks the text of a configuration: parse → interpolate → override → validate → resolve.
 * @throws ConfigError with every problem at once.
 */
export async function loadConfigText(
  text: string,
  options: TextOptions,
): Promise<Omit<LoadedConfig, "file">> {
  const { name, directory, env, terminal = false, takePlanned = false } = options;
  const {
    tree,
    findings: missing,
    inserted,
  } = await interpolate(await parseConfig(text, name), env, directory);
  const { overrides, misfits } = applyOverrides(tree, env);
  const unfilled = missing.filter(({ path }) => !overrides.some((override) => isWithin(path, override.path)));
  const { settings, findings, unchecked } = validate(
    tree,
    unfilled.map(({ path }) => path),
    takePlanned,
  );
  const poolNames = isTable(tree["pools"]) ? Object.keys(tree["pools"]) : [];
  const resolved = settings && (await resolveSettings(settings, { directory, poolNames, terminal }));

  const sound = (resolved?.findings ?? []).filter((finding) => isSound(finding, unchecked));
  const foreign = [...inserted, ...insertedByOverrides(tree, overrides)];
  const problems = await locate(hideInserted([...unfilled, ...findings, ...sound], foreign), misfits, {
    name,
    text,
    overrides,
  });
  if (resolved === undefined || problems.some(({ severity }) => severity === "error"))
    throw new ConfigError(problems);
  return {
    model: resolved.model,
    warnings: problems,
    // Loaded at the first use: a start does not need it.
    effective: async () => (await import("./effective.ts")).readEffective({ text, name, env }),
  };
}

/** A configuration that was cut down to its valid rest can cause false warnings. */
function isSound(finding: Finding, unchecked: readonly Path[]): boolean {
  return (
    unchecked.length === 0 || (finding.severity === "error" && !isAboutUnchecked(finding.path, unchecked))
  );
}
