import { formatAddress } from "../../lib/address.ts";
import { type Model, needsRestart } from "../../model/model.ts";
import type { EffectiveValue, EnvoyView, Proposal, Provider } from "../provider.ts";
import type { Completed } from "../xds/driven.ts";
import { DrivenProvider } from "../xds/driven-provider.ts";
import { waitingFor } from "../xds/waiting.ts";
import { type LoadOptions, loadConfig, type PlacedConfig } from "./load.ts";

/**
 * The TOML file with its overrides, and the control plane that it names. The file is read on request, always the one that was
 * read first.
 */
export class TomlProvider extends DrivenProvider implements Provider {
  readonly #options: LoadOptions;
  /** Absolute path of the file, `-` for standard input; undefined until it was read. */
  #file: string | undefined;
  #first: PlacedConfig | undefined;
  /** Read, and not proposed yet. */
  #early: PlacedConfig | undefined;
  /** The served configuration. Its keys that wait for a restart are not in effect. */
  #served: PlacedConfig | undefined;

  constructor(options: LoadOptions) {
    super();
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file ?? "";
  }

  async early(): Promise<Proposal | undefined> {
    this.isAlone = true;
    const loaded = await this.#read();
    this.#early = loaded;
    const { xds } = loaded.model;
    return xds?.initial === "wait"
      ? waitingFor(
          xds.servers.map(({ target }) => formatAddress(target)),
          loaded,
        )
      : undefined;
  }

  /** @param onlyNews whether the control plane alone has news: the file counts as it is served. */
  async propose(onlyNews = false): Promise<Proposal> {
    const loaded = (onlyNews ? this.#served : undefined) ?? this.#early ?? (await this.#read());
    this.#early = undefined;
    const { model, serves } = await this.#complete(loaded.model);
    const heard: Proposal["heard"] = ({ ok }) => {
      if (!ok) return;
      this.#served = loaded;
      serves();
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
  async #complete(model: Model): Promise<Completed> {
    const { xds } = this.#first!.model;
    if (xds === undefined) return { model, serves: () => {} };
    if (this.driven === undefined) {
      const { directory } = this.#first!;
      const { env } = this.#options;
      // A start without a control plane pays nothing for it.
      const { drivenBy } = await import("../xds/toml-source.ts");
      this.drive(await drivenBy(xds, { directory, env, logger: this.notices, board: this.board }));
    }
    await this.driven!.begin(model);
    return this.driven!.complete(model);
  }

  get envoy(): EnvoyView | undefined {
    const xds = this.#first?.model.xds;
    return xds === undefined
      ? undefined
      : this.view(
          () => xds.node,
          () => undefined,
        );
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    const first = (await this.#first?.effective()) ?? [];
    const now = this.#served === undefined ? first : await this.#served.effective();
    return [...first.filter(({ key }) => needsRestart(key)), ...now.filter(({ key }) => !needsRestart(key))];
  }
}
