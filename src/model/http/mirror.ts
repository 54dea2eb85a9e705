/** A pool that gets copies of a route's requests. */
export interface HttpMirror {
  readonly pool: string;
  /** The share of requests that are copied, in percent, above 0, at most 100. */
  readonly percent: number;
  /** Copies under way at a time to this pool, in each worker. */
  readonly maxRequests: number;
}

/** The ends of a copy. */
export const mirrorOutcomes = {
  answered: "it was answered, however",
  failed: "no backend could be asked, or it gave no answer in time",
  dropped: "its backend did not keep up with the client, or the client did not send all of it",
  limit: "as many copies were under way as may be",
} as const satisfies Readonly<Record<string, string>>;

export type MirrorOutcome = keyof typeof mirrorOutcomes;

export const mirrorOutcomeList: readonly MirrorOutcome[] = Object.keys(mirrorOutcomes) as MirrorOutcome[];
