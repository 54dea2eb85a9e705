import type { OverloadPolicy } from "../../../model/overload.ts";
import type { OverloadSettings } from "../schema/overload.ts";

export const resolveOverload = ({
  max_requests: maxRequests,
  event_loop_delay: delay,
  memory,
}: OverloadSettings): OverloadPolicy => ({
  maxRequests: maxRequests || undefined,
  eventLoopDelay: delay === "off" ? undefined : delay,
  memory: memory === "off" ? undefined : memory,
});
