import { hashedBy } from "../../../model/pool.ts";
import type { PickRecord, SessionRecord } from "../../../observe/session-log.ts";
import type { Dispatch } from "../../dispatch/dispatch.ts";
import { hashedKey } from "../../pick/hashed-key.ts";
import type { PickKey } from "../../pick/picker.ts";

/** What a record tells of a dispatch. */
type RecordedDispatch = Pick<
  Dispatch,
  "pool" | "attempts" | "candidates" | "skipped" | "queueTook" | "connectTook"
>;

/** What a record tells of the way to a backend. @param key that was picked with. */
export function dispatchRecord(
  dispatch: RecordedDispatch,
  key: PickKey,
): Pick<SessionRecord, "pool" | "backend" | "pick" | "attempts" | "queue" | "connect"> {
  const { pool, attempts, queueTook, connectTook } = dispatch;
  return {
    pool: pool.definition.name,
    backend: connectTook === undefined ? "" : attempts.at(-1)!.backend.address,
    pick: pickOf(dispatch, key),
    attempts: attempts.map(({ backend, took, error }) => ({ backend: backend.address, ms: took, error })),
    queue: queueTook > 0 ? queueTook : undefined,
    connect: connectTook,
  };
}

function pickOf({ pool, candidates, skipped }: RecordedDispatch, key: PickKey): PickRecord | undefined {
  if (candidates === undefined) return undefined;
  const { picker } = pool.definition;
  const by = hashedBy(picker);
  return { picker: picker.type, key: by && hashedKey(by, key), candidates, skipped };
}
