import { hashedBy } from "../../../model/pool.ts";
import type { PickRecord } from "../../../observe/session-log.ts";
import type { OpenRecord } from "../../accept/record.ts";
import type { Dispatch } from "../../dispatch/dispatch.ts";
import { hashedKey } from "../../pick/hashed-key.ts";
import type { PickKey } from "../../pick/picker.ts";

/** The part of a dispatch that a record tells of. */
type RecordedDispatch = Pick<
  Dispatch,
  "pool" | "attempts" | "candidates" | "skipped" | "queueTook" | "connectTook"
>;

/** Fills in what a record tells of the way to a backend. @param key that was picked with. */
export function recordDispatch(record: OpenRecord, dispatch: RecordedDispatch, key: PickKey): void {
  const { pool, attempts, queueTook, connectTook } = dispatch;
  record.pool = pool.definition.name;
  if (connectTook !== undefined) record.backend = attempts.at(-1)!.backend.address;
  record.pick = pickOf(dispatch, key);
  record.attempts = attempts.map(({ backend, took, error }) => ({
    backend: backend.address,
    ms: took,
    error,
  }));
  if (queueTook > 0) record.queue = queueTook;
  record.connect = connectTook;
}

function pickOf({ pool, candidates, skipped }: RecordedDispatch, key: PickKey): PickRecord | undefined {
  if (candidates === undefined) return undefined;
  const { picker } = pool.definition;
  const by = hashedBy(picker);
  return { picker: picker.type, key: by && hashedKey(by, key), candidates, skipped };
}
