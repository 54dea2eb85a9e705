import { Notices } from "../notices.ts";
import type { EffectiveValue, Proposal, Provider, ProviderLogger } from "../provider.ts";
import type { AdsSource } from "../xds/source.ts";
import { type EnvoyOptions, type LoadedEnvoy, mapBootstrap, readBootstrap, readEnvoyFile } from "./load.ts";

/** A bootstrap file of Envoy's, and the control plane that it names. The file is read on request. */
export class EnvoyProvider implements Provider {
  readonly #options: EnvoyOptions;
  #file: string | undefined;
  #served: LoadedEnvoy | undefined;
  readonly #notices = new Notices();
  /** The control plane of the file as it was read first. */
  #source: AdsSource | undefined;
  #news: (() => void) | undefined;

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
    const { file, text, settings } = await readEnvoyFile({
      ...this.#options,
      file: this.#file ?? this.#options.file,
    });
    const read = await readBootstrap(text, settings);
    if (read.bootstrap.has("dynamic_resources") && this.#source === undefined) {
      // A start without a control plane pays nothing for it.
      const { AdsSource } = await import("../xds/source.ts");
      this.#source = await AdsSource.of(read.bootstrap, read.mapping, this.#notices);
      await this.#source?.ready();
      if (this.#news !== undefined) this.#source?.listen(this.#news);
    }
    const loaded: LoadedEnvoy = {
      ...(await mapBootstrap(read, this.#source?.resources, false)),
      file,
    };
    this.#file = file;
    this.#served ??= loaded;
    const heard: Proposal["heard"] = ({ ok }) => {
      if (ok) this.#served = loaded;
    };
    return { model: loaded.model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  logTo(logger: ProviderLogger): void {
    this.#notices.logTo(logger);
  }

  watch(news: () => void, signal: AbortSignal): void {
    this.#news = news;
    this.#source?.listen(news);
    signal.addEventListener("abort", () => this.close());
  }

  close(): void {
    this.#source?.stop();
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    return (await this.#served?.effective()) ?? [];
  }
}
