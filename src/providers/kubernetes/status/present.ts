import type { KindName } from "../client/kinds.ts";
import type { Json } from "./stamp.ts";

/** The status of an object, as the server has it. */
export interface PresentStatus {
  readonly kind: KindName;
  /** Undefined where the kind has none. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly status: Json;
}
