import type { Outcome } from "../../admin/actions.ts";
import { type AdminServer, type AdminState, startAdmin } from "../../admin/server.ts";
import { openConnections } from "../../channel/memory.ts";
import { longestDuration, parseDuration } from "../../lib/duration.ts";
import type { Result } from "../../lib/result.ts";
import type { AdminSettings } from "../../model/model.ts";
import type { LogDestination } from "../../observe/destination.ts";
import type { Logger } from "../../observe/logger.ts";
import type { Provider } from "../../providers/provider.ts";
import type { Reloader } from "../change/reload.ts";
import type { ControlPlane } from "../control-plane.ts";
import { envoyPaths } from "./envoy/paths.ts";
import { answerQuestion } from "./explain.ts";
import { History } from "./history.ts";
import { exposition } from "./metrics/exposition.ts";
import type { MetricsInput } from "./readings.ts";
import { answerSessions, killSession } from "./sessions.ts";
import { readStatus } from "./status/status.ts";

/** The parts of the process that the admin server tells of and acts on. */
export interface AdminParts {
  readonly plane: ControlPlane;
  readonly reloader: Reloader;
  readonly provider: Provider;
  /** Asks the process to drain. */
  readonly drain: () => void;
  /** Lets another umay take over. */
  readonly takeOver: () => Promise<Outcome>;
  /** Starts a umay that takes over. */
  readonly upgrade: () => Promise<Outcome>;
  readonly destination: LogDestination;
  readonly logger: Logger;
}

/** Where metrics and status are read from. */
export function inputOf({
  plane,
  reloader,
  provider,
  destination,
}: Pick<AdminParts, "plane" | "reloader" | "provider" | "destination">): MetricsInput {
  return {
    memories: plane.memories,
    shared: plane.shared,
    readiness: () => plane.readiness,
    snapshot: () => plane.store.observed,
    generation: () => plane.store.snapshot.version,
    discovery: () => plane.store.discoveries,
    health: plane.health,
    drains: plane.drains,
    workers: plane.supervisor,
    droppedLogLines: () => destination.dropped() + plane.accessFiles.dropped,
    reloads: () => reloader,
    lastReload: () => reloader.last,
    certificateReloads: () => plane.upkeep.counts,
    controlPlanes: () => provider.controlPlanes?.(),
    acme: () => plane.upkeep.acme,
    sharing: () => plane.upkeep.sharing.reading,
    fileLimit: () => plane.fileLimit.limit,
  };
}

/**
 * Starts the admin server over the control plane's state.
 * @param replace see {@link startAdmin}.
 * @throws when it can't have its address.
 */
export async function openAdmin(
  { bind, remote }: AdminSettings,
  { plane, reloader, provider, drain, takeOver, upgrade, destination, logger }: AdminParts,
  replace = false,
): Promise<AdminServer & AsyncDisposable> {
  const input = inputOf({ plane, reloader, provider, destination });
  const history = new History(input);
  const state: AdminState = {
    ready() {
      const { reason } = plane.readiness;
      return reason === undefined ? { ready: true } : { ready: false, reason };
    },
    metrics: (accept) => exposition(input, accept),
    status: () => readStatus(input),
    history: () => history.read(),
    config: async () => ({ values: await reloader.effective() }),
    explain: (query) => answerQuestion(plane, query),
    sessions: (query) => answerSessions(plane, query),
    async kill(session) {
      const outcome = await killSession(plane, session);
      if (outcome.status === 200) logger.info({ id: session }, "a session was ended by hand");
      return outcome;
    },
    drain() {
      drain();
      const connections = Atomics.load(plane.shared.process, openConnections);
      const { delay, timeout } = plane.model.shutdown;
      const now = performance.now();
      const left = Math.max(0, (plane.drainDeadline ?? now + delay + timeout) - now);
      const body = { state: "draining", connections, deadline_seconds: Math.round(left) / 1000 };
      return { status: 200, body };
    },
    drainBackend(pool, backend, deadline, force) {
      const time = deadline === undefined ? undefined : parseDuration(deadline);
      if (time === undefined || time <= parseDuration(longestDuration)) {
        const drained = plane.drains.drain(pool, backend, time, force);
        if (drained.ok) return { status: 200, body: drained.value };
        const { kind, message } = drained.error;
        return { status: kind === "last" ? 409 : 404, body: { error: message } };
      }
      const expected = `expected a duration from "0s" to "${longestDuration}", such as "30s" or "5m"`;
      return { status: 400, body: { error: `deadline: ${expected}` } };
    },
    takeOver,
    upgrade,
    undrainBackend: (pool, backend) => outcome(plane.drains.undrain(pool, backend)),
    async reload(dryRun) {
      const reloaded = await reloader.reload("the admin server", dryRun);
      if (reloaded.ok) return { status: 200, body: reloaded.value };
      return { status: reloaded.error.problems === undefined ? 409 : 422, body: reloaded.error };
    },
    envoy: envoyPaths({ input, provider, drain }),
    failed: (error) => logger.error({ err: error }, "the admin server failed to answer"),
  };
  const admin = await startAdmin(bind, state, remote, replace);
  return {
    ...admin,
    [Symbol.asyncDispose]: () => {
      history.stop();
      return admin.close();
    },
  };
}

function outcome(result: Result<object, string>): Outcome {
  return result.ok ? { status: 200, body: result.value } : { status: 404, body: { error: result.error } };
}
