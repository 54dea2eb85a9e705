import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress, formatAddress } from "../../lib/address.ts";
import { probe } from "../../lib/probe.ts";
import type { Backend } from "../../model/backend.ts";
import { collide } from "../../model/check/binds.ts";
import type { KubernetesSettings } from "../../model/kubernetes.ts";
import type { Listener } from "../../model/listener.ts";
import type { Model } from "../../model/model.ts";
import type { EndpointsDiscovery } from "../../model/pool.ts";
import type { Proposal, ProviderLogger } from "../provider.ts";
import { type Defaults, readDefaults } from "../toml/defaults.ts";
import { addressesOf } from "./addresses.ts";
import { readAccess } from "./client/access.ts";
import { Api } from "./client/api.ts";
import { OwnAdmin } from "./own-admin.ts";
import { ClusterSource } from "./source.ts";
import { Reporter } from "./status/reporter.ts";
import { translate } from "./translate/translate.ts";
import type { Translation } from "./translate/translation.ts";
import type { Compiler } from "./translate/trial.ts";

/** How long a start waits until the cluster is known, in milliseconds. */
const patience = 3_000;
/** Changes within this time are one, in milliseconds; where it takes long to serve them, so is the time between two. */
const together = { least: 50, most: 5_000 } as const;
/** Time until ports that were taken are tried again, in milliseconds. */
const again = 30_000;
/** At a start, objects that others name are read until there are no new ones, at most so many times. */
const mostRounds = 3;

interface Surroundings {
  readonly logger: ProviderLogger;
  readonly compiler: Compiler;
}

/** The part of a cluster in what is served. */
export class ClusterPart {
  readonly #settings: KubernetesSettings;
  readonly #source: ClusterSource;
  readonly #reporter: Reporter | undefined;
  #news: (() => void) | undefined;
  /** How often something has changed, and as of which change it was translated last. */
  #changes = 0;
  #translatedAt = 0;
  readonly #defaults: Defaults;
  readonly #compiler: Compiler;
  readonly #ownAdmin: OwnAdmin;
  /** Binds that are served now, as text. */
  #served: ReadonlySet<string> = new Set();
  /** Whether all of the cluster was known once. */
  #known = false;
  #wait: number = together.least;
  /** When the last translation began, by performance.now(). */
  #began = 0;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws Error where it is not known how to get there. */
  static async open(
    settings: KubernetesSettings,
    surroundings: Surroundings,
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<ClusterPart> {
    const access = await readAccess(settings.kubeconfig, env);
    return new ClusterPart(settings, new Api(access), await readDefaults(env, false), surroundings);
  }

  private constructor(
    settings: KubernetesSettings,
    api: Api,
    defaults: Defaults,
    { logger, compiler }: Surroundings,
  ) {
    this.#settings = settings;
    this.#defaults = defaults;
    this.#compiler = compiler;
    this.#ownAdmin = new OwnAdmin(logger);
    this.#source = new ClusterSource({
      api,
      settings,
      logger,
      changed: () => this.#changed(),
      status: (id) => this.#reporter?.look(id),
    });
    const { cache, troubles } = this.#source;
    // Of a cluster without objects there is no other news.
    void this.#source.completed.then(() => !this.#known && this.#changed());
    if (settings.status) this.#reporter = new Reporter(api, settings, { cache, troubles, logger });
  }

  /**
   * @returns the proposal with what the cluster says.
   * @param isNew whether it was read just now. @param isFirst whether the cluster is waited for.
   */
  async added(own: Proposal, isNew: boolean, isFirst: boolean): Promise<Proposal> {
    this.#ownAdmin.bind = own.model.admin?.bind;
    const translation = await this.#translated(own.model, isFirst);
    const { listeners, pools, routeTables } = translation.model;
    const { model } = own;
    const [began, isKnown] = [this.#began, this.#known];
    return {
      ...own,
      // They were told when it was read.
      warnings: isNew ? own.warnings : [],
      model: {
        ...model,
        listeners: [...model.listeners, ...listeners],
        pools: [...model.pools, ...pools],
        routeTables: [...model.routeTables, ...routeTables],
        ...(!isKnown && { incomplete: "the Kubernetes API server has not told everything yet" }),
      },
      heard: (outcome) => {
        own.heard(outcome);
        // A refusal at the end of the process says nothing of the cluster.
        if (this.#closed) return;
        this.#wait = Math.min(together.most, Math.max(together.least, 2 * (performance.now() - began)));
        if (outcome.ok) this.#served = new Set(listeners.map(({ bind }) => formatAddress(bind)));
        // Of a part of the cluster, statuses would be wrong, and those of others would seem to be left over.
        if (isKnown) this.#reporter?.want(translation, outcome.ok ? undefined : outcome.error);
      },
    };
  }

  endpoints(
    spec: EndpointsDiscovery,
    changed: () => void,
    signal: AbortSignal,
  ): () => readonly Backend[] | undefined {
    const present = this.#source.endpoints(spec, changed, signal);
    return () => {
      const backends = present();
      return backends && this.#ownAdmin.without(spec.service, backends);
    };
  }

  /** @param news called when there may be another proposal: at once where that is so already. */
  listen(news: () => void): void {
    this.#news = news;
    if (this.#changes !== this.#translatedAt) news();
  }

  /** There are no further proposals, and another replica may write statuses. Endpoints are followed on. */
  quiet(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    void this.#reporter?.stop();
  }

  close(): void {
    this.quiet();
    this.#source.stop();
  }

  #changed(): void {
    this.#changes++;
    if (this.#closed || this.#news === undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#news?.();
    }, this.#wait);
  }

  async #translated(base: Model, isFirst: boolean): Promise<Translation> {
    const deadline = sleep(patience, undefined, { ref: false });
    for (let round = 1; ; round++) {
      if (isFirst) await Promise.race([this.#source.completed, deadline]);
      const wasComplete = this.#source.complete;
      this.#began = performance.now();
      const translation = await this.#usable(base);
      const more = this.#source.want(translation.secretsWanted, translation.configMapsWanted);
      this.#known ||= wasComplete && !more;
      if (!more || !isFirst || round >= mostRounds) return translation;
    }
  }

  /** Listeners whose port is taken are left out, and told of. */
  async #usable(base: Model): Promise<Translation> {
    const { cluster } = this.#source.cache;
    this.#translatedAt = this.#changes;
    const options = {
      ...this.#settings,
      controllerName: this.#settings.gatewayController,
      addresses: addressesOf(this.#settings, cluster),
      defaults: this.#defaults,
      compiler: this.#compiler,
    };
    const translation = await translate(cluster, { ...options, unavailablePorts: new Map() });
    const unavailablePorts = await this.#unavailable(translation.model.listeners, base);
    clearTimeout(this.#retry);
    if (unavailablePorts.size === 0) return translation;
    if (!this.#closed) this.#retry = setTimeout(() => this.#changed(), again).unref();
    return translate(cluster, { ...options, unavailablePorts });
  }

  /** By port: why it can't be had. */
  async #unavailable(listeners: readonly Listener[], base: Model): Promise<ReadonlyMap<number, string>> {
    const taken = new Map<number, string>();
    for (const { bind } of listeners) {
      if (bind.kind === "unix" || this.#served.has(formatAddress(bind))) continue;
      const own = [
        ...base.listeners.map((listener) => listener.bind),
        ...(base.admin ? [base.admin.bind] : []),
      ];
      const other = own.find((each) => collide(canonicalAddress(each), canonicalAddress(bind)));
      if (other !== undefined) taken.set(bind.port, `the configuration itself has ${formatAddress(other)}`);
      else await probe(bind).catch((error: Error) => taken.set(bind.port, error.message));
    }
    return taken;
  }
}
