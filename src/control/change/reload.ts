import { err, ok, type Result } from "../../lib/result.ts";
import type { Model } from "../../model/model.ts";
import type { Logger } from "../../observe/logger.ts";
import type { EffectiveValue } from "../../providers/toml/effective.ts";
import { ConfigError, type ConfigProblem } from "../../providers/toml/errors.ts";
import type { LoadedConfig } from "../../providers/toml/load.ts";
import { compareModels, needsRestart } from "./changes.ts";

/** What a reload did, or would do. */
export interface ReloadAnswer {
  readonly result: "applied" | "unchanged" | "tried";
  /** Of what is served now. */
  readonly generation: number;
  readonly changes: readonly string[];
  /** Keys whose new value counts from the next start on. */
  readonly needs_restart: readonly string[];
  readonly warnings: readonly string[];
}

/** Why what is served stays as it is. */
export interface ReloadRefusal {
  readonly error: string;
  /** Where the configuration itself is wrong. */
  readonly problems?: readonly ConfigProblem[];
}

export type Reloaded = Result<ReloadAnswer, ReloadRefusal>;

/** What serves a configuration. */
export interface Reconfigurable {
  readonly state: string;
  readonly model: Model;
  readonly store: { readonly snapshot: { readonly version: number } };
  /** @throws where it can't be served; what was served is served on. */
  reconfigure(next: Model): Promise<void>;
}

/** What is loaded, wherever it is from. */
export type Loaded = Omit<LoadedConfig, "file">;

/** Reads the configuration again. @throws ConfigError */
export type LoadAgain = () => Promise<Loaded>;

/** Takes the configuration into service again, one reload after the other. */
export class Reloader {
  applied = 0;
  failed = 0;
  readonly #first: Loaded;
  /** What is served, as it was loaded, but for what counts from a start on. */
  #served: Loaded;
  readonly #plane: Reconfigurable;
  readonly #load: LoadAgain;
  readonly #logger: Logger;
  #last: Promise<unknown> = Promise.resolve();

  constructor(plane: Reconfigurable, served: Loaded, load: LoadAgain, logger: Logger) {
    this.#plane = plane;
    this.#first = served;
    this.#served = served;
    this.#load = load;
    this.#logger = logger;
  }

  /** @param by who asks, for the log. @param dryRun whether it is only said what would change. Never rejects. */
  reload(by: string, dryRun: boolean): Promise<Reloaded> {
    const reloaded = this.#last.then(() => this.#reload(by, dryRun));
    this.#last = reloaded;
    return reloaded;
  }

  /** Every key that counts, with where it comes from. */
  async effective(): Promise<readonly EffectiveValue[]> {
    const [first, now] = [await this.#first.effective(), await this.#served.effective()];
    return [...first.filter(({ key }) => needsRestart(key)), ...now.filter(({ key }) => !needsRestart(key))];
  }

  async #reload(by: string, dryRun: boolean): Promise<Reloaded> {
    const { state } = this.#plane;
    if (state !== "ready")
      return this.#refuse(by, dryRun, { error: `umay is ${state}; it can't be reloaded now` });
    try {
      const loaded = await this.#load();
      const warnings = loaded.warnings.map(({ where, message }) => `${where}: ${message}`);
      const { changes, restart } = compareModels(this.#plane.model, loaded.model);
      if (!dryRun && changes.length > 0) await this.#plane.reconfigure(loaded.model);
      if (!dryRun) this.#served = loaded;
      const result = dryRun ? "tried" : changes.length > 0 ? "applied" : "unchanged";
      const generation = this.#plane.store.snapshot.version;
      const answer = { result, generation, changes, needs_restart: restart, warnings } as const;
      if (!dryRun) this.#tell(by, answer);
      return ok(answer);
    } catch (error) {
      return this.#refuse(by, dryRun, refusalOf(error));
    }
  }

  #tell(by: string, { result, generation, changes, needs_restart, warnings }: ReloadAnswer): void {
    this.applied++;
    for (const warning of warnings) this.#logger.warn(warning);
    const text =
      result === "applied"
        ? "the configuration was reloaded"
        : "the configuration was reloaded; nothing in it has changed";
    this.#logger.info({ by, generation, changes }, text);
    if (needs_restart.length > 0)
      this.#logger.warn(
        { keys: needs_restart },
        "some keys have new values that count from the next start on",
      );
  }

  #refuse(by: string, dryRun: boolean, refusal: ReloadRefusal): Reloaded {
    if (!dryRun) {
      this.failed++;
      const problems = refusal.problems?.map(({ where, path, message }) =>
        [where, path, message].filter(Boolean).join(": "),
      );
      this.#logger.error(
        { by, cause: problems ?? refusal.error },
        "the configuration was not reloaded; what was served before is served on",
      );
    }
    return err(refusal);
  }
}

function refusalOf(error: unknown): ReloadRefusal {
  if (error instanceof ConfigError) return { error: error.message, problems: error.problems };
  return { error: error instanceof Error ? error.message : String(error) };
}
