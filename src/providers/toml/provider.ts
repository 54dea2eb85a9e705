import { type Model, needsRestart } from "../../model/model.ts";
import { Notices } from "../notices.ts";
import type { EffectiveValue, EnvoyView, Proposal, Provider, ProviderLogger } from "../provider.ts";
import type { Driven } from "../xds/driven.ts";
import { EndpointBoard } from "../xds/endpoints.ts";
import { statsOf } from "../xds/stats.ts";
import { type LoadOptions, loadConfig, type PlacedConfig } from "./load.ts";

/**
 * The TOML file with its overrides, and the control plane that it names. The file is read on request, always the one that was
 * read first.
 */
export class TomlProvider implements Provider {
  readonly board = new EndpointBoard();
  readonly #notices = new Notices();
  readonly #options: LoadOptions;
  /** Absolute path of the file, `-` for standard input; undefined until it was read. */
  #file: string | undefined;
  #first: PlacedConfig | undefined;
  /** The served configuration. Its keys that wait for a restart are not in effect. */
  #served: PlacedConfig | undefined;
  #driven: Driven | undefined;
  #news: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file ?? "";
  }

  /** @param onlyNews whether the control plane alone has news: the file counts as it is served. */
  async propose(onlyNews = false): Promise<Proposal> {
    const loaded = (onlyNews ? this.#served : undefined) ?? (await this.#read());
    const model = await this.#complete(loaded.model);
    const heard: Proposal["heard"] = ({ ok }) => {
      if (!ok) return;
      this.#served = loaded;
      this.#driven?.serves(model);
    };
    return { model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  async #read(): Promise<PlacedConfig> {
    if (this.#file === "-")
      throw new Error(
        "the configuration came from standard input, which cannot be read again; start umay with a file",
      );
    const loaded = await loadConfig({ ...this.#options, file: this.#file ?? this.#options.file });
    this.#file = loaded.file;
    this.#first ??= loaded;
    return loaded;
  }

  /** A model with all that the control plane has sent, where the file that was read first names one. */
  async #complete(model: Model): Promise<Model> {
    const { xds } = this.#first!.model;
    if (xds === undefined) return model;
    if (this.#driven === undefined) {
      const { directory } = this.#first!;
      const { env } = this.#options;
      // A start without a control plane pays nothing for it.
      const { driveBy } = await import("../xds/toml-source.ts");
      this.#driven = await driveBy(xds, { directory, env, logger: this.#notices, board: this.board });
      if (this.#news !== undefined) this.#driven.source.listen(this.#news);
    }
    return this.#driven.complete(model);
  }

  endpoints(...[spec, changed, signal]: Parameters<NonNullable<Provider["endpoints"]>>) {
    this.board.follow(spec.service, changed, signal);
    return () => this.board.of(spec);
  }

  logTo(logger: ProviderLogger): void {
    this.#notices.logTo(logger);
  }

  watch(news: () => void, signal: AbortSignal): void {
    this.#news = news;
    this.#driven?.source.listen(news);
    signal.addEventListener("abort", () => this.close());
  }

  close(): void {
    this.#driven?.source.stop();
  }

  get envoy(): EnvoyView | undefined {
    const driven = this.#driven;
    if (driven === undefined) return undefined;
    return {
      node: () => this.#first!.model.xds!.node,
      dump: async (endpoints) => {
        const { dumpConfig } = await import("../xds/dump.ts");
        return dumpConfig({ bootstrap: undefined, source: driven.source, endpoints });
      },
      stats: () => statsOf(driven.source.carriers),
    };
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    const first = (await this.#first?.effective()) ?? [];
    const now = this.#served === undefined ? first : await this.#served.effective();
    return [...first.filter(({ key }) => needsRestart(key)), ...now.filter(({ key }) => !needsRestart(key))];
  }
}
