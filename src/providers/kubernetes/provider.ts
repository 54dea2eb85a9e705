import type { Backend } from "../../model/backend.ts";
import type { EndpointsDiscovery } from "../../model/pool.ts";
import { Notices } from "../notices.ts";
import {
  ConfigError,
  type ControlPlaneReading,
  type EffectiveValue,
  type EnvoyView,
  type Proposal,
  type Provider,
  type ProviderLogger,
} from "../provider.ts";
import type { ClusterPart } from "./part.ts";
import type { Compiler } from "./translate/trial.ts";

/** A configuration that may name a cluster, which then has its part in what is served. */
export class KubernetesProvider implements Provider {
  readonly #base: Provider;
  readonly #compiler: () => Promise<Compiler>;
  readonly #notices = new Notices();
  /** The cluster of the configuration as it was first; undefined: it names none, or was not read yet. */
  #part: ClusterPart | undefined;
  /** The configuration's own part, as it was read last. */
  #own: Proposal | undefined;
  /** Whether it has news that it was not asked for yet. */
  #ownNews = false;

  /** @param base reads the configuration. @param compiler loads what tries rules, where there is a cluster. */
  constructor(base: Provider, compiler: () => Promise<Compiler>) {
    this.#base = base;
    this.#compiler = compiler;
  }

  get source(): string {
    return this.#base.source;
  }

  async early(): Promise<Proposal | undefined> {
    return this.#base.early?.();
  }

  /** @param onlyNews whether the configuration is as it was: the cluster, or the control plane, alone has news. */
  async propose(onlyNews = false): Promise<Proposal> {
    const isFirst = this.#own === undefined;
    const isNew = this.#own === undefined || !onlyNews || this.#part === undefined || this.#ownNews;
    this.#ownNews = false;
    if (isNew) this.#own = await this.#base.propose(onlyNews);
    const own = this.#own!;
    const settings = own.model.kubernetes;
    if (isFirst && settings !== undefined) {
      // A start without a cluster pays nothing for it.
      const { ClusterPart } = await import("./part.ts");
      const surroundings = { logger: this.#notices, compiler: await this.#compiler() };
      this.#part = await ClusterPart.open(settings, surroundings).catch((error: Error) => {
        throw unreachable(this.source, error);
      });
    }
    return this.#part === undefined ? own : this.#part.added(own, isNew, isFirst);
  }

  watch(news: () => void, signal: AbortSignal): void {
    this.#part?.listen(news);
    this.#base.watch?.(() => {
      this.#ownNews = true;
      news();
    }, signal);
    signal.addEventListener("abort", () => this.#part?.quiet());
  }

  close(): void {
    this.#part?.close();
    this.#base.close?.();
  }

  logTo(logger: ProviderLogger): void {
    this.#notices.logTo(logger);
    this.#base.logTo?.(logger);
  }

  endpoints(
    spec: EndpointsDiscovery,
    changed: () => void,
    signal: AbortSignal,
  ): () => readonly Backend[] | undefined {
    const follows = this.#part ?? this.#base;
    return follows.endpoints?.(spec, changed, signal) ?? (() => undefined);
  }

  controlPlanes(): readonly ControlPlaneReading[] | undefined {
    return this.#base.controlPlanes?.();
  }

  get envoy(): EnvoyView | undefined {
    return this.#base.envoy;
  }

  effective(): Promise<readonly EffectiveValue[]> {
    return this.#base.effective();
  }
}

/** The configuration does not say how to get to the cluster, or what it names for that can't be used. */
const unreachable = (where: string, { message }: Error): ConfigError =>
  new ConfigError([
    {
      severity: "error",
      where,
      path: "kubernetes",
      message: message.replace(/^kubernetes: /, ""),
      hint: undefined,
      frame: undefined,
    },
  ]);
