import { needsRestart } from "../../model/model.ts";
import type { EffectiveValue, Proposal, Provider } from "../provider.ts";
import { type LoadedConfig, type LoadOptions, loadConfig } from "./load.ts";

/** The TOML file with its overrides. It is read on request, always from the file that was read first. */
export class TomlProvider implements Provider {
  readonly #options: LoadOptions;
  /** Absolute path of the file, `-` for standard input; undefined until it was read. */
  #file: string | undefined;
  #first: LoadedConfig | undefined;
  /** The served configuration. Its keys that wait for a restart are not in effect. */
  #served: LoadedConfig | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file ?? "";
  }

  async propose(): Promise<Proposal> {
    if (this.#file === "-")
      throw new Error(
        "the configuration came from standard input, which cannot be read again; start umay with a file",
      );
    const loaded = await loadConfig({ ...this.#options, file: this.#file ?? this.#options.file });
    this.#file = loaded.file;
    this.#first ??= loaded;
    const heard: Proposal["heard"] = ({ ok }) => {
      if (ok) this.#served = loaded;
    };
    return { model: loaded.model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    const first = (await this.#first?.effective()) ?? [];
    const now = this.#served === undefined ? first : await this.#served.effective();
    return [...first.filter(({ key }) => needsRestart(key)), ...now.filter(({ key }) => !needsRestart(key))];
  }
}
