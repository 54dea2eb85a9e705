import type { CounterMemory } from "../../channel/counters.ts";
import { type CountsOfAll, type MaterialOfAll, Renewal } from "../../material/renewal.ts";
import type { Model } from "../../model/model.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import { ExpiryWatch } from "../tell/expiry.ts";
import { watchRejections } from "../tell/rejections.ts";
import { TicketRotation } from "./ticket-rotation.ts";

/** The parts of the control plane that upkeep works on. */
export interface UpkeepSurroundings {
  readonly memories: readonly CounterMemory[];
  readonly logger: Logger;
  readonly snapshot: () => Snapshot;
  readonly setMaterial: (renewed: MaterialOfAll) => void;
  readonly rotateTickets: (listener: string) => void;
}

/** Looks after what changes with time: files, ticket keys, certificates that end, counts of refusals. */
export class Upkeep {
  readonly #with: UpkeepSurroundings;
  readonly #rotation: TicketRotation;
  #renewal: Renewal | undefined;
  #expiry: ExpiryWatch | undefined;
  #rejections: { stop(): void } | undefined;
  #stopped = false;

  constructor(surroundings: UpkeepSurroundings) {
    this.#with = surroundings;
    this.#rotation = new TicketRotation(surroundings.rotateTickets, surroundings.logger);
  }

  /** How often what listeners, pools and guards have from files was renewed, and how often that failed. */
  get counts(): CountsOfAll {
    return this.#renewal?.counts ?? { listeners: new Map(), pools: new Map(), guards: new Map() };
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
          pools: [...renewed.pools].map(([name, { tls }]) => ({ name, tls })),
        });
      },
      logger,
      this.counts,
    );
    this.#rotation.follow(model.listeners);
    this.#rejections ??= watchRejections(() => snapshot().listeners, memories, logger);
    this.#expiry ??= new ExpiryWatch(snapshot, logger);
    this.#expiry.look();
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
  }

  end(): void {
    this.#rejections?.stop();
  }
}
