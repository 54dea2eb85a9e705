import type { EffectiveValue, Proposal, Provider } from "../provider.ts";
import { type EnvoyOptions, type LoadedEnvoy, loadEnvoy } from "./load.ts";

/** A bootstrap file of Envoy's. It is read on request. */
export class EnvoyProvider implements Provider {
  readonly #options: EnvoyOptions;
  #file: string | undefined;
  #served: LoadedEnvoy | undefined;

  constructor(options: EnvoyOptions) {
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file;
  }

  async propose(): Promise<Proposal> {
    if (this.#file === "-")
      throw new Error(
        "the configuration came from standard input, which cannot be read again; start umay with a file",
      );
    const loaded = await loadEnvoy({ ...this.#options, file: this.#file ?? this.#options.file });
    this.#file = loaded.file;
    this.#served ??= loaded;
    const heard: Proposal["heard"] = ({ ok }) => {
      if (ok) this.#served = loaded;
    };
    return { model: loaded.model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    return (await this.#served?.effective()) ?? [];
  }
}
