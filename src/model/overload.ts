/** When umay refuses new requests of HTTP, so that it can serve those that it has. */
export interface OverloadPolicy {
  /** Requests under way in the whole process; undefined: no limit. */
  readonly maxRequests: number | undefined;
  /** How late the event loop of a worker may be, in milliseconds; undefined: it is not looked at. */
  readonly eventLoopDelay: number | undefined;
  /** How much of the memory that the process may use, and of a worker's heap, in percent; undefined: it is not looked at. */
  readonly memory: number | undefined;
}

/** Why a request is refused because of load: the `detail` of `overloaded`. */
export const overloadCauses = {
  listener_requests: "its listener has http.max_requests under way",
  process_requests: "umay has overload.max_requests under way",
  event_loop: "the event loop of its worker is later than overload.event_loop_delay",
  memory: "umay uses more than overload.memory of what it may",
} as const satisfies Readonly<Record<string, string>>;

export type OverloadCause = keyof typeof overloadCauses;
