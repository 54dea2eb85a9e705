import { once } from "node:events";
import { isDeepStrictEqual } from "node:util";
import type { Keeper } from "../../acme/keeper.ts";
import type { CounterMemory } from "../../channel/counters.ts";
import { type CountsOfAll, type MaterialOfAll, Renewal } from "../../material/renewal.ts";
import type { Challenge } from "../../model/acme.ts";
import type { Model } from "../../model/model.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import { ExpiryWatch } from "../tell/expiry.ts";
import { watchRejections } from "../tell/rejections.ts";
import { LimitSharing } from "./limit-sharing.ts";
import { TicketRotation } from "./ticket-rotation.ts";

/** The parts of the control plane that upkeep works on. */
export interface UpkeepSurroundings {
  readonly memories: readonly CounterMemory[];
  readonly logger: Logger;
  readonly snapshot: () => Snapshot;
  readonly setMaterial: (renewed: MaterialOfAll) => void;
  readonly rotateTickets: (listener: string) => void;
  /** Has every worker show these challenges. Resolves when they do. */
  readonly showChallenges: (challenges: readonly Challenge[]) => Promise<void>;
}

/** Looks after what changes with time: files, ticket keys, certificates that end, counts of refusals. */
export class Upkeep {
  readonly #with: UpkeepSurroundings;
  readonly #rotation: TicketRotation;
  /** Limits that machines share. */
  readonly sharing: LimitSharing;
  #renewal: Renewal | undefined;
  #expiry: ExpiryWatch | undefined;
  #rejections: { stop(): void } | undefined;
  #stopped = false;
  #keeper: Keeper | undefined;
  #kept: Promise<void> | undefined;
  /** The model that the keeper is to follow. */
  #wanted: Model | undefined;

  constructor(surroundings: UpkeepSurroundings) {
    this.#with = surroundings;
    this.#rotation = new TicketRotation(surroundings.rotateTickets, surroundings.logger);
    this.sharing = new LimitSharing(surroundings.logger, surroundings.snapshot);
  }

  /** How often what listeners, pools and guards have from files was renewed, and how often that failed. */
  get counts(): CountsOfAll {
    return (
      this.#renewal?.counts ?? { listeners: new Map(), pools: new Map(), guards: new Map(), pages: new Map() }
    );
  }

  /** This is what is served from now on. */
  follow(model: Model): void {
    const { memories, logger, snapshot, setMaterial } = this.#with;
    if (this.#stopped) return;
    this.#renewal?.stop();
    this.#renewal = new Renewal(
      model,
      (renewed) => {
        setMaterial(renewed);
        this.#expiry?.lookAt({
          listeners: [...renewed.listeners].map(([name, tls]) => ({ name, tls })),
          pools: [...renewed.pools].map(([name, pool]) => ({ name, ...pool })),
        });
      },
      logger,
      this.counts,
    );
    this.#rotation.follow(model.listeners);
    void this.sharing
      .follow(model)
      .catch((error: unknown) =>
        logger.error({ err: error }, "limits can't be shared: this is a defect of umay"),
      );
    this.#rejections ??= watchRejections(() => snapshot().listeners, memories, logger);
    this.#expiry ??= new ExpiryWatch(snapshot, logger);
    this.#expiry.look();
    this.#wanted = model;
    if (model.acme !== undefined || this.#keeper !== undefined)
      void this.#keep().catch((error: unknown) =>
        logger.error({ err: error }, "certificates can't be got over ACME: this is a defect of umay"),
      );
  }

  /** How it stands with the certificates that umay gets itself, and how its orders went. */
  get acme(): Pick<Keeper, "states" | "counts"> | undefined {
    return this.#keeper;
  }

  /** The part of umay that speaks ACME is loaded at its first use. */
  async #keep(): Promise<void> {
    const { Keeper } = await import("../../acme/keeper.ts");
    const { acme, listeners = [] } = this.#wanted ?? {};
    if (this.#stopped) return;
    if (!isDeepStrictEqual(acme, this.#keeper?.settings)) {
      void this.#keeper?.stop();
      const { logger, showChallenges } = this.#with;
      this.#keeper = acme && new Keeper(acme, { logger, publish: showChallenges });
    }
    this.#keeper?.follow(listeners);
  }

  /** The model is about to change: files are not taken into service before {@link follow}. */
  pause(): void {
    this.#renewal?.stop();
  }

  /** All but refusals, which are told to the {@link end}. */
  stop(): void {
    this.#stopped = true;
    this.#renewal?.stop();
    this.#expiry?.stop();
    this.#rotation.follow([]);
    this.#kept = this.#keeper?.stop();
  }

  /**
   * Resolves when the keeper of certificates has undone what it changed elsewhere, or it takes too long.
   * @param hurry aborts when there is to be no more waiting.
   */
  async end(hurry: AbortSignal): Promise<void> {
    this.sharing.stop();
    this.#rejections?.stop();
    if (!hurry.aborted) await Promise.race([this.#kept, once(hurry, "abort")]);
  }
}
