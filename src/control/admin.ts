import { type AdminServer, startAdmin } from "../admin/server.ts";
import type { SocketAddress } from "../lib/address.ts";
import type { LogDestination } from "../observe/destination.ts";
import type { Logger } from "../observe/logger.ts";
import type { ControlPlane } from "./control-plane.ts";
import { exposition } from "./metrics.ts";
import type { MetricsInput } from "./readings.ts";
import { readStatus } from "./status.ts";

/** Starts the admin server over the control plane's state. @throws when it can't have its address. */
export async function openAdmin(
  bind: SocketAddress,
  plane: ControlPlane,
  destination: LogDestination,
  logger: Logger,
): Promise<AdminServer & AsyncDisposable> {
  const input: MetricsInput = {
    memories: plane.memories,
    shared: plane.shared,
    state: () => plane.state,
    snapshot: () => plane.store.observed,
    discovery: () => plane.pools.states,
    health: plane.health,
    workerRestarts: () => plane.supervisor.restarts,
    droppedLogLines: () => destination.dropped(),
    reloads: () => ({ applied: 0, failed: 0 }),
    certificateReloads: () => plane.certificateReloads,
    fileLimit: () => plane.fileLimit.limit,
  };
  const admin = await startAdmin(bind, {
    ready() {
      const reason = plane.unready();
      return reason === undefined ? { ready: true } : { ready: false, reason };
    },
    metrics: (accept) => exposition(input, accept),
    status: () => readStatus(input),
    failed: (error) => logger.error({ err: error }, "the admin server failed to answer"),
  });
  return { ...admin, [Symbol.asyncDispose]: () => admin.close() };
}
