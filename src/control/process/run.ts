import type { Outcome } from "../../admin/actions.ts";
import type { AdminServer } from "../../admin/server.ts";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import { ok } from "../../lib/result.ts";
import { version } from "../../lib/version.ts";
import type { Model } from "../../model/model.ts";
import { type LogDestination, openLogDestination } from "../../observe/destination.ts";
import { createLogger, type Logger } from "../../observe/logger.ts";
import type { Proposal, Provider } from "../../providers/provider.ts";
import type { Discover } from "../backends/pool-backends.ts";
import { Reloader } from "../change/reload.ts";
import { ControlPlane } from "../control-plane.ts";
import { type AdminParts, inputOf, openAdmin } from "../tell/admin.ts";
import type { Telemetry } from "../tell/telemetry.ts";
import { ServiceManager } from "./service-manager.ts";
import { type StopRequest, watchStopRequests } from "./signals.ts";
import type { TakeOverOffer } from "./take-over.ts";
import { Taking } from "./taking.ts";
import { upgrade } from "./upgrade.ts";
import { Yielding } from "./yielding.ts";

export interface RunOptions {
  readonly provider: Provider;
  /** The first proposal of the provider. */
  readonly first: Proposal;
  /** Gives the proposal that follows at once, where the first one is a part of it. */
  readonly whole?: (() => Promise<Proposal>) | undefined;
  readonly discover: Discover;
  /** Whether the pretty form of the log has all fields of sessions. */
  readonly verbose?: boolean;
  /** Called when every listener accepts. */
  readonly onReady?: () => void;
  /** The running umay whose listening sockets it takes over. */
  readonly takeOver?: TakeOverOffer | undefined;
  /**
   * The command line of a umay that takes over from this one; undefined: it could not read the configuration again.
   * @param admin the address of this one's admin server.
   */
  readonly successor?: ((admin: SocketAddress) => readonly string[]) | undefined;
}

/** With room for fewer connections the limit on open files is most likely a mistake. */
const fewConnections = 256;

/**
 * Runs a proxy until SIGTERM or SIGINT has drained it.
 * @returns the exit code: 0 after a drain, 1 when it could not start or had to stop because of a defect. Never throws.
 */
export async function runUmay(options: RunOptions): Promise<number> {
  const { model } = options.first;
  const destination = await openLogDestination(model.log.format, options.verbose ?? false);
  const logger = createLogger(model.log, destination);
  const request = watchStopRequests(logger);
  const { source } = options.provider;
  logger.info({ version, node: process.versions.node, pid: process.pid, config: source }, "umay is starting");
  options.provider.logTo?.(logger);
  tellWarnings(options.first, logger);
  try {
    return await serve(options, request, logger, destination);
  } catch (error) {
    const errors = error instanceof AggregateError ? error.errors : [error];
    for (const each of errors)
      process.stderr.write(`umay: ${each instanceof Error ? each.message : String(each)}\n`);
    return 1;
  } finally {
    await destination.flush();
  }
}

/** @throws when it can't start; then nothing of it is left running. */
async function serve(
  { provider, first, whole, discover, onReady, takeOver, successor }: RunOptions,
  { stop, request, hurry, onHangup, onReopen }: StopRequest,
  logger: Logger,
  destination: LogDestination,
): Promise<number> {
  const { model } = first;
  const taking = takeOver && (await Taking.from(takeOver));
  const plane = await ControlPlane.create(
    taking?.besides(model) ?? model,
    discover,
    logger,
    destination,
    taking,
  );
  const manager = new ServiceManager(process.env, logger);
  const reloader = new Reloader(plane, provider, logger, {
    begins: () => manager.reloading(),
    ends: () => manager.ready(statusLine(plane)),
  });
  const drain = (): void => request("the admin server");
  const yielding = new Yielding(plane, logger, () => request("the umay that has taken over"));
  await using opened = new AsyncDisposableStack();
  const openOwnAdmin = async (replace = false): Promise<AdminServer | undefined> => {
    const replacement = {
      takeOver: (): Promise<Outcome> =>
        yielding.offer(admin === undefined ? "" : formatAddress(admin.address)),
      upgrade: (): Promise<Outcome> => upgrade(admin && successor?.(admin.address), yielding),
    };
    const parts = { plane, reloader, provider, drain, ...replacement, destination, logger };
    return model.admin && opened.use(await openAdmin(model.admin, parts, replace));
  };
  let admin: AdminServer | undefined;
  let served = first;
  const rest =
    whole &&
    (async () => {
      served = await whole();
      return served.model;
    });
  try {
    if (taking === undefined) admin = await openOwnAdmin();
    const stopped = await Promise.race([plane.start(rest), stop]);
    if (stopped !== undefined) {
      await plane.abandon();
      logger.info("stopped while starting");
      return stopped;
    }
    if (taking !== undefined) await manager.succeed();
  } catch (error) {
    await plane.abandon();
    throw error;
  }
  if (taking !== undefined) {
    const openLate = (replace = false): Promise<AdminServer | undefined> =>
      openOwnAdmin(replace).catch((error: unknown) => {
        logger.error({ err: error }, "there is no admin server");
        return undefined;
      });
    if (model.admin !== undefined && taking.replacesAdmin(model.admin.bind)) admin = await openLate(true);
    await taking
      .finish()
      .catch((error: unknown) => logger.warn({ err: error }, "the other umay may not have gone"));
    admin ??= await openLate();
    await plane.reconfigure(model).catch((error: unknown) => {
      logger.error({ err: error }, "not all that the other umay served could be taken over");
    });
  }
  const { reason } = plane.readiness;
  const summary = { ...summaryOf(plane), admin: admin && formatAddress(admin.address) };
  if (reason !== undefined) logger.warn({ ...summary, reason }, "umay accepts connections but is not ready");
  plane.whenReady(() => logger.info({ ...summary, ...summaryOf(plane) }, "umay is ready"));
  const { limit, connections } = plane.fileLimit;
  if (connections < fewConnections)
    logger.warn(
      { most_connections: connections, open_files: limit },
      "the limit on open files leaves room for few connections; raise it (ulimit -Hn, LimitNOFILE)",
    );
  manager.started(statusLine(plane));
  reloader.began(served.model);
  served.heard(ok(plane.store.snapshot.version));
  tellWarnings(served, logger, first);
  const telemetry = await openTelemetry(model, { plane, reloader, provider, destination, logger });
  onHangup(() => reloader.news("SIGHUP"));
  onReopen(() => plane.accessFiles.reopen());
  const stopped = new AbortController();
  reloader.follow(stopped.signal);
  onReady?.();
  const code = await stop;
  stopped.abort();
  if (yielding.isReplaced) {
    manager.leave();
    await opened.disposeAsync();
  } else manager.stopping("draining");
  const { ended, cut } = await plane.drain(hurry, yielding.isReplaced ? () => yielding.closed() : undefined);
  await Promise.all([plane.accessFiles.flush(), telemetry?.end()]);
  logger.info({ ended, cut }, "drained: sessions that ended by themselves, and sessions that were cut");
  return code;
}

/** @param told has warnings that were told. */
function tellWarnings({ warnings }: Proposal, logger: Logger, told?: Proposal): void {
  const lines = new Set(told?.warnings.map(({ where, message }) => `${where}: ${message}`));
  for (const { where, message } of warnings)
    if (!lines.has(`${where}: ${message}`)) logger.warn(`${where}: ${message}`);
}

/** The part of umay that speaks OTLP is loaded where it is configured. */
async function openTelemetry(
  { otlp }: Model,
  { plane, logger, ...parts }: Pick<AdminParts, "plane" | "reloader" | "provider" | "destination" | "logger">,
): Promise<Telemetry | undefined> {
  if (otlp === undefined) return undefined;
  const { Telemetry } = await import("../tell/telemetry.ts");
  const telemetry = new Telemetry(otlp, inputOf({ plane, ...parts }), logger);
  plane.onSpans = (spans) => telemetry.spans(spans);
  return telemetry;
}

/** The fields of the log's line at start: what is served. */
function summaryOf({ store, memories, fileLimit }: ControlPlane): object {
  const { listeners, pools } = store.snapshot;
  return {
    listeners: Object.fromEntries(
      listeners.map(({ name, addresses }) => [name, addresses.map(formatAddress)]),
    ),
    pools: Object.fromEntries(pools.map(({ name, backends }) => [name, backends.length])),
    workers: memories.length,
    most_connections: fileLimit.connections,
  };
}

/** The line that systemctl shows. */
function statusLine({ model, memories }: ControlPlane): string {
  return `serving; listeners: ${model.listeners.length}, pools: ${model.pools.length}, workers: ${memories.length}`;
}
