import type { KubernetesSettings } from "../../../model/kubernetes.ts";
import type { ProviderLogger } from "../../provider.ts";
import type { Cache } from "../cache.ts";
import type { Api } from "../client/api.ts";
import { Lease } from "../client/lease.ts";
import { Pace } from "../client/pace.ts";
import type { KubeEvent, Translation } from "../translate/translation.ts";
import type { Troubles } from "../troubles.ts";
import { EventWriter } from "./events.ts";
import { leftStatuses } from "./left.ts";
import { refusedStatuses } from "./refused.ts";
import type { Json } from "./stamp.ts";
import { StatusWriter } from "./writer.ts";

/** Writes a second, of statuses and events together. */
const writes = 4;

interface ReporterParts {
  readonly cache: Cache;
  readonly troubles: Troubles;
  readonly logger: ProviderLogger;
}

/** Tells the cluster what became of its objects: one replica of all does, the one that holds the Lease. */
export class Reporter {
  readonly #cache: Cache;
  readonly #statuses: StatusWriter;
  readonly #events: EventWriter;
  /** Undefined: there is nothing to be told yet. */
  #lease: Lease | undefined;
  readonly #compete: () => Lease;
  /** By which it knows its entries in statuses. */
  readonly #controller: string;

  constructor(
    api: Api,
    { gatewayController, lease }: Pick<KubernetesSettings, "gatewayController" | "lease">,
    { cache, troubles, logger }: ReporterParts,
  ) {
    this.#cache = cache;
    this.#controller = gatewayController;
    const pace = new Pace(writes, 1);
    this.#statuses = new StatusWriter({
      api,
      pace,
      controller: gatewayController,
      present: (id) => cache.statuses.get(id),
      tell: (problem) => troubles.tell("writing of statuses", problem),
    });
    this.#events = new EventWriter(api, pace, (problem) => troubles.tell("writing of events", problem));
    this.#compete = () =>
      new Lease({
        api,
        name: lease,
        changed: (held) => {
          logger.info(
            { lease },
            held ? "this replica writes statuses from now on" : "another replica writes statuses from now on",
          );
          for (const writer of [this.#statuses, this.#events]) held ? writer.start() : writer.stop();
        },
        tell: (problem) => troubles.tell("the lease", problem),
      });
  }

  /** @param refusal why the translation is not served; undefined: it is. */
  want({ statuses, events }: Translation, refusal: string | undefined): void {
    this.#lease ??= this.#compete();
    const served = new Map(statuses.entries().map(([id, { status }]) => [id, status as unknown as Json]));
    const ours = refusal === undefined ? served : refusedStatuses(served, refusal);
    this.#statuses.want(new Map([...ours, ...leftStatuses(this.#cache.statuses, ours, this.#controller)]));
    this.#events.want(events.map((event) => ({ ...event, uid: this.#uidOf(event) })));
  }

  #uidOf({ about: { kind, namespace, name } }: KubeEvent): string | undefined {
    return this.#cache.statuses.get([kind, namespace, name].filter((part) => part !== undefined).join("/"))
      ?.uid;
  }

  /** The status of an object may have changed. */
  look(id: string): void {
    this.#statuses.look(id);
  }

  /** Another replica may write at once. */
  async stop(): Promise<void> {
    this.#statuses.stop();
    this.#events.stop();
    await this.#lease?.stop();
  }
}
