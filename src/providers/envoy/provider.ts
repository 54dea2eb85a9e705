import { isDeepStrictEqual } from "node:util";
import { Notices } from "../notices.ts";
import type { EffectiveValue, EnvoyView, Proposal, Provider, ProviderLogger } from "../provider.ts";
import type { Driven } from "../xds/driven.ts";
import { EndpointBoard } from "../xds/endpoints.ts";
import { statsOf } from "../xds/stats.ts";
import {
  type EnvoyOptions,
  type LoadedEnvoy,
  mapBootstrap,
  type ReadBootstrap,
  readBootstrap,
  readEnvoyFile,
} from "./load.ts";

/** A bootstrap file of Envoy's, and the control planes that it names. The file is read on request. */
export class EnvoyProvider implements Provider {
  readonly board = new EndpointBoard();
  readonly #options: EnvoyOptions;
  #file: string | undefined;
  #served: LoadedEnvoy | undefined;
  readonly #notices = new Notices();
  /** The file as it is served; before anything is, as it was read first. */
  #read: ReadBootstrap | undefined;
  /** The control planes of the file as it was read first, and what named them there. */
  #driven: Driven | undefined;
  #drivenBy: unknown;
  #news: (() => void) | undefined;

  constructor(options: EnvoyOptions) {
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file;
  }

  /** @param onlyNews whether control planes alone have news: the file counts as it is served. */
  async propose(onlyNews = false): Promise<Proposal> {
    const read = (onlyNews ? this.#read : undefined) ?? (await this.#readAgain());
    if (read !== this.#read && read.bootstrap.has("dynamic_resources")) await this.#drive(read);
    const mapped = await mapBootstrap(read, false, this.#driven?.source.lookups);
    const model = (await this.#driven?.complete(mapped.model)) ?? mapped.model;
    const loaded: LoadedEnvoy = { ...mapped, model, file: this.source };
    this.#served ??= loaded;
    this.#read ??= read;
    const heard: Proposal["heard"] = ({ ok }) => {
      if (!ok) return;
      this.#served = loaded;
      this.#read = read;
      this.#driven?.serves(model);
    };
    return { model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  async #readAgain(): Promise<ReadBootstrap> {
    if (this.#file === "-")
      throw new Error(
        "the configuration came from standard input, which cannot be read again; start umay with a file",
      );
    const { file, text, settings } = await readEnvoyFile({
      ...this.#options,
      file: this.#file ?? this.#options.file,
    });
    const read = await readBootstrap(text, settings);
    this.#file = file;
    return read;
  }

  /** Asks the control planes that the file names, the first time that it names any. */
  async #drive({ bootstrap, mapping, parsed }: ReadBootstrap): Promise<void> {
    const { dynamic_resources, dynamicResources, node } = parsed.tree as Readonly<Record<string, unknown>>;
    const by = [dynamic_resources ?? dynamicResources, node];
    if (this.#driven !== undefined) {
      if (!isDeepStrictEqual(by, this.#drivenBy))
        this.#notices.warn({}, "changes of node and dynamic_resources count from the next start on");
      return;
    }
    // A start without a control plane pays nothing for it.
    const { driveBy } = await import("../xds/bootstrap-source.ts");
    this.#driven = await driveBy(bootstrap, mapping, this.board, this.#notices);
    this.#drivenBy = by;
    if (this.#news !== undefined) this.#driven?.source.listen(this.#news);
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

  get envoy(): EnvoyView {
    return {
      node: () => ({ id: this.#read?.bootstrap.node("node")?.text("id") ?? "" }),
      dump: async (endpoints) => {
        const { dumpConfig } = await import("../xds/dump.ts");
        return dumpConfig({ bootstrap: this.#read?.bootstrap, source: this.#driven?.source, endpoints });
      },
      stats: () => statsOf(this.#driven?.source.carriers ?? new Map()),
    };
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    return (await this.#served?.effective()) ?? [];
  }
}
