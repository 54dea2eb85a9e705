import { err, ok, type Result } from "../../lib/result.ts";
import type { Model } from "../../model/model.ts";
import type { Logger } from "../../observe/logger.ts";
import {
  ConfigError,
  type ConfigProblem,
  type EffectiveValue,
  type Proposal,
  type Provider,
  problemText,
} from "../../providers/provider.ts";
import { compareModels } from "./changes.ts";
import { keepServed } from "./keep-served.ts";
import { compareValues, type ValueChange } from "./values.ts";

/** The outcome of a reload, or of one that was only tried. */
export interface ReloadAnswer {
  readonly result: "applied" | "unchanged" | "tried";
  /** Of what is served now. */
  readonly generation: number;
  readonly changes: readonly string[];
  /** Old and new values of the keys that a dry run finds changed; otherwise empty. */
  readonly values: readonly ValueChange[];
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

/** Serves a configuration. */
export interface Reconfigurable {
  readonly state: string;
  readonly model: Model;
  readonly store: { readonly snapshot: { readonly version: number } };
  /** @throws where it can't be served; what was served is served on. */
  reconfigure(next: Model): Promise<void>;
  /** @throws where its listeners can't have their addresses. */
  tryAddresses(next: Model): Promise<void>;
}

/** An observer of reloads, whatever comes of them; a dry run is none. */
export interface ReloadEvents {
  begins(): void;
  ends(): void;
}

/**
 * Takes what a provider proposes into service, one proposal after the other. Whoever asks for a reload gets an answer of
 * its own; news that come while something is put into service are taken together, because the newest proposal has them
 * all.
 */
export class Reloader {
  applied = 0;
  failed = 0;
  /** When the configuration was last put into service, in milliseconds since 1970, and whether the last try worked. */
  last = { at: Date.now(), successful: true };
  readonly #plane: Reconfigurable;
  readonly #provider: Provider;
  readonly #logger: Logger;
  readonly #events: ReloadEvents | undefined;
  #latest: Promise<unknown> = Promise.resolve();
  /** The model that was proposed last and is served, but for what was renewed since. */
  #proposed: Model | undefined;
  /** There are news that no reload has begun to look at: the provider's own alone, or others too. */
  #news: "own" | "any" | undefined;

  constructor(plane: Reconfigurable, provider: Provider, logger: Logger, events?: ReloadEvents) {
    this.#plane = plane;
    this.#provider = provider;
    this.#logger = logger;
    this.#events = events;
  }

  /** This model was proposed for the start, and is served. */
  began(model: Model): void {
    this.#proposed = model;
  }

  /** @param by who asks, for the log. @param dryRun whether it is only said what would change. Never rejects. */
  reload(by: string, dryRun: boolean): Promise<Reloaded> {
    return this.#inTurn(() => this.#reload(by, dryRun));
  }

  /**
   * There may be something new, and nobody waits for an answer.
   * @param by who says so, for the log. @param which whether they are the provider's own.
   */
  news(by: string, which: "own" | "any" = "any"): void {
    const before = this.#news;
    this.#news = before === "any" ? "any" : which;
    if (before !== undefined) return;
    void this.#inTurn(() => {
      const onlyNews = this.#news === "own";
      this.#news = undefined;
      return this.#reload(by, false, onlyNews);
    });
  }

  /** Takes what the provider has to say by itself into service, until `signal` aborts. */
  follow(signal: AbortSignal): void {
    this.#provider.watch?.(() => this.news(this.#provider.source, "own"), signal);
  }

  /** Every key that counts, with where it comes from. */
  effective(): Promise<readonly EffectiveValue[]> {
    return this.#provider.effective();
  }

  #inTurn(reload: () => Promise<Reloaded>): Promise<Reloaded> {
    const reloaded = this.#latest.then(reload);
    this.#latest = reloaded;
    return reloaded;
  }

  async #reload(by: string, dryRun: boolean, onlyNews = false): Promise<Reloaded> {
    const { state } = this.#plane;
    if (state !== "ready")
      return this.#refuse(by, dryRun, { error: `umay is ${state}; it can't be reloaded now` });
    let proposal: Proposal | undefined;
    if (!dryRun) this.#events?.begins();
    try {
      proposal = await this.#provider.propose(onlyNews);
      const answer = await this.#serve(proposal, dryRun);
      if (!dryRun) {
        proposal.heard(ok(answer.generation));
        this.#tell(by, answer);
      }
      return ok(answer);
    } catch (error) {
      const refusal = refusalOf(error);
      if (!dryRun) proposal?.heard(err(refusal.error));
      return this.#refuse(by, dryRun, refusal);
    } finally {
      // Once it drains, it is not ready any more.
      if (!dryRun && this.#plane.state === "ready") this.#events?.ends();
    }
  }

  /** @throws where it can't be served; what was served is served on. */
  async #serve(proposal: Proposal, dryRun: boolean): Promise<ReloadAnswer> {
    const next = keepServed(proposal.model, this.#proposed, this.#plane.model);
    const { changes, restart } = compareModels(this.#plane.model, next);
    const changed = changes.length > 0;
    if (changed) await this.#plane[dryRun ? "tryAddresses" : "reconfigure"](next);
    if (!dryRun) this.#proposed = proposal.model;
    return {
      result: dryRun ? "tried" : changed ? "applied" : "unchanged",
      generation: this.#plane.store.snapshot.version,
      changes,
      values: dryRun ? compareValues(await this.effective(), await proposal.effective()) : [],
      needs_restart: restart,
      warnings: proposal.warnings.map(({ where, message }) => `${where}: ${message}`),
    };
  }

  #tell(by: string, { result, generation, changes, needs_restart, warnings }: ReloadAnswer): void {
    this.applied++;
    this.last = { at: Date.now(), successful: true };
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
      this.last = { ...this.last, successful: false };
      const problems = refusal.problems?.map(problemText);
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
