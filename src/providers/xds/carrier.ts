import type { ProviderLogger } from "../provider.ts";
import type { Change, Judge, Kind, Resources } from "./resources.ts";

/** Brings resources of some kinds from one place, and keeps the last good version of each. */
export interface Carrier {
  /** Of each of its kinds. */
  readonly resources: ReadonlyMap<Kind, Resources>;
  /** Whether all that was asked for has been answered once. */
  readonly complete: boolean;
  /** Whether nobody has answered, and everybody has been asked. */
  readonly unreachable: boolean;
  /** Whether its stream is there; undefined: it has none. */
  readonly connected?: boolean;
  /** The server that it is connected to, or was last; undefined: none yet, or it has no stream. */
  readonly server?: string | undefined;
  start(): void;
  /** Judges again what was refused and may be good by now, though nobody sends it again. Never rejects. */
  again(): Promise<void>;
  stop(): void;
  /** From now on it also asks for these names of a kind, and for those no more. */
  ask(kind: Kind, more: readonly string[], less: readonly string[]): void;
}

/** Is told what a carrier brings. */
export interface CarrierEvents {
  /** These have changed. */
  taken(kind: Kind, changes: readonly Change[]): void;
  /** It may be complete now, or unreachable. */
  looked(): void;
}

/** See {@link Carrier.again}. */
export async function takeAgain(
  { resources }: Pick<Carrier, "resources">,
  {
    judge,
    taken,
    logger,
  }: Pick<CarrierEvents, "taken"> & { readonly judge: Judge; readonly logger?: ProviderLogger | undefined },
): Promise<void> {
  try {
    for (const [kind, of] of resources) {
      const changes = await of.again(judge);
      if (changes.length > 0) taken(kind, changes);
    }
  } catch (error) {
    // Responses wait for this: none may be lost for it.
    logger?.warn({ err: error }, "refused resources can't be judged again");
  }
}
