import type { Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { listenerCell } from "../channel/counters.ts";
import { layout, viewCounters } from "../channel/layout.ts";
import type { FromWorker, HandedSocket, ToWorker, WantedBackend, WorkerSetup } from "../channel/messages.ts";
import { TlsOnce } from "../channel/tls-once.ts";
import { formatAddress, unmapAddress } from "../lib/address.ts";
import { Crowd } from "../lib/crowd.ts";
import { err, ok } from "../lib/result.ts";
import type { EndReason } from "../model/reasons.ts";
import { AccessLog } from "../observe/access-log.ts";
import { LineBatch } from "../observe/line-batch.ts";
import { ListenerLogs } from "../observe/listener-logs.ts";
import { createWorkerLogger } from "../observe/worker-logger.ts";
import { admit } from "./accept/admission.ts";
import { Challenges } from "./accept/challenges.ts";
import { Connection } from "./accept/connection.ts";
import { sessionNumber } from "./accept/record.ts";
import { Spread } from "./accept/spread.ts";
import { TakenServers } from "./accept/taken.ts";
import { ServedState } from "./apply.ts";
import { ServedGuards } from "./guard/guards.ts";
import { killOpen, listOpen } from "./open-sessions.ts";
import { LoadWatch } from "./overload.ts";
import type { Plane, ServedListener } from "./plane.ts";
import { asking } from "./serve/http/ask/asking.ts";
import { Http1Connection } from "./serve/http/connection/http1-connection.ts";
import { Http2Connection, speaksHttp2 } from "./serve/http/connection/http2-connection.ts";
import { Mirrors } from "./serve/http/forward/mirror.ts";
import { Tracing } from "./serve/http/tracing.ts";
import { Session } from "./serve/relay/session.ts";
import { tcpOptions } from "./sockets/options.ts";
import { resetSocket } from "./sockets/reset.ts";
import { Sweep } from "./sweep.ts";
import { dial } from "./upstream/dial.ts";
import { KeptUpstreams } from "./upstream/kept.ts";
import { SharedUpstreams } from "./upstream/shared.ts";

const setup = workerData as WorkerSetup;
const port = parentPort!;
const send = (message: FromWorker): void => port.postMessage(message);
/** The memory that the lines are in goes with them. */
const sendLines = (message: Extract<FromWorker, { type: "log" | "access" }>): void =>
  port.postMessage(message, [message.lines.buffer]);

const log = createWorkerLogger(setup.log, (lines) => sendLines({ type: "log", lines }));
const counting = { shared: setup.shared, counters: viewCounters(setup.counters) };
const access = new LineBatch((lines) => sendLines({ type: "access", lines }));
const listenerLogs = new ListenerLogs((lines, file) => sendLines({ type: "access", lines, file }));
const plane: Plane & typeof counting = {
  ...counting,
  worker: setup.id - 1,
  shared: setup.shared,
  logger: log.logger,
  logSessions: setup.log.sessions,
  listenerLogs,
  open: new Crowd(),
  serve: (connection, chain) => {
    const frontend = connection.listener.frontendOf(chain);
    if (frontend === undefined) new Session(plane, connection, chain);
    else if (speaksHttp2(connection, frontend.front)) new Http2Connection(plane, connection, chain, frontend);
    else new Http1Connection(plane, connection, chain, frontend);
  },
  dial,
  kept: new KeptUpstreams(counting),
  guards: new ServedGuards(counting, {
    shared: setup.shared,
    logger: log.logger,
    forward: (guard) => asking(guard, plane),
    worker: setup.id,
    passed: (requests) => send({ type: "passed", requests }),
  }),
  sharedUpstreams: new SharedUpstreams(dial, counting),
  mirrors: new Mirrors(),
  load: new LoadWatch(setup.shared, setup.id - 1),
  isDraining: false,
  handshakes: new Int32Array(layout.listener.capacity),
  challenges: new Challenges(),
};
const sweep = new Sweep(
  plane.open,
  [plane.kept, plane.sharedUpstreams, plane.mirrors],
  () => void Atomics.add(setup.shared.workerTurns, plane.worker, 1),
);
const memory = {
  ...counting,
  guards: plane.guards,
  shared: setup.shared,
  worker: { index: setup.id - 1, count: setup.count },
  peers: (pool: string) => state.backendsOf(pool),
  want: (wanted: WantedBackend) => send({ type: "wanted", ...wanted }),
};
const spread = new Spread(setup.shared.workerOpen.subarray(0, setup.count), setup.id - 1);
const tls = new TlsOnce();
const taken = new TakenServers(setup.count > 1);
const state = new ServedState(memory, {
  onConnection: keepOrGiveAway,
  onServerError: (error) => send({ type: "trouble", what: "a listening socket failed", error }),
  onSettled: () => send({ type: "settled", version: state.settled }),
  taken,
});

function keepOrGiveAway(listener: ServedListener, socket: Socket): void {
  const mayMove = setup.count > 1 && listener.definition.accept === "shared-port";
  if (mayMove && spread.givesAway() && giveAway(listener, socket)) return;
  // A socket that may move comes unread: from here on it is read as any other.
  if (mayMove) socket.read(0);
  accept(listener, socket);
}

/** @returns false where the socket can't be moved: its client has gone already, say. */
function giveAway({ definition: { addresses, counters } }: ServedListener, socket: Socket): boolean {
  try {
    // A socket that was not read yet moves between threads; its type does not say so.
    const message: HandedSocket = { type: "socket", address: formatAddress(addresses[0]!), socket };
    port.postMessage(message, [socket as unknown as ArrayBuffer]);
    plane.counters[counters + listenerCell.givenAway]! += 1;
    return true;
  } catch {
    return false;
  }
}

function accept(listener: ServedListener, socket: Socket): void {
  const peer = unmapAddress(socket.remoteAddress ?? "");
  const place = admit(listener, plane, peer);
  if (place === undefined) refuse(listener, socket);
  else new Connection(plane, listener, socket, place);
}

function takeOver({ address, socket }: HandedSocket): void {
  const listener = state.listenerAt(address);
  socket.setNoDelay().setKeepAlive(true, tcpOptions.keepAliveInitialDelay);
  if (listener === undefined) socket.destroy();
  else {
    // It comes unread; its client may leave before there is a backend to relay to.
    socket.read(0);
    accept(listener, socket);
  }
  // Counted since it was sent. Not earlier: a drain is over when nothing counts.
  Atomics.sub(setup.shared.workerOpen, plane.worker, 1);
}

/** At once and without a word, so that a flood costs as little as can be. */
function refuse(listener: ServedListener, socket: Socket): void {
  socket.on("error", () => {});
  resetSocket(socket, listener.definition.bind.kind);
}

async function apply({
  difference: sent,
  log: settings,
}: Extract<ToWorker, { type: "change" }>): Promise<void> {
  const difference = tls.unpack(sent);
  const { version } = difference;
  seeNewCounters();
  try {
    await state.apply(difference);
    taken.begin();
    if (difference.challenges !== undefined) plane.challenges.show(difference.challenges);
    sweep.start(state.shortestTimeout);
    log.setLevel(settings.level);
    plane.logSessions = settings.sessions;
    trace(settings.traced);
    plane.access = settings.access && new AccessLog(settings.access, (line) => access.add(line));
    send({ type: "applied", version, settled: state.settled });
  } catch (error) {
    send({ type: "failed", version, reason: (error as Error).message });
  }
}

/** The cells of listeners, pools and backends in a change may lie beyond the room that there was. */
function seeNewCounters(): void {
  if (plane.counters.byteLength === setup.counters.byteLength) return;
  const counters = viewCounters(setup.counters);
  for (const each of [counting, plane, memory]) each.counters = counters;
}

/** @param percent of requests; undefined: none. */
function trace(percent: number | undefined): void {
  plane.tracing?.flush();
  plane.tracing =
    percent === undefined ? undefined : new Tracing(percent, (spans) => send({ type: "spans", spans }));
}

/** Ends the sessions on a backend; one that is not connected yet goes on with another. */
function vacate(slot: number): void {
  for (const one of plane.open) one.vacate(slot);
  plane.mirrors.vacate(slot);
  plane.kept.vacate(slot);
  plane.sharedUpstreams.vacate(slot);
}

/** It is nobody's session: whatever goes wrong is told, and ends nothing. */
async function explainConnection({ id, request }: Extract<ToWorker, { type: "explain" }>): Promise<void> {
  try {
    const { explain } = await import("./explain/explain.ts");
    const listener = state.listener(request.listener);
    if (listener === undefined) throw new Error(`this worker has no listener ${request.listener}`);
    const explanation = explain(listener, { plane, worker: setup.id, routing: listener.routing }, request);
    send({ type: "explanation", id, result: ok(explanation) });
  } catch (error) {
    send({ type: "explanation", id, result: err((error as Error).message) });
  }
}

function kill(session: string): boolean {
  const number = sessionNumber(session);
  return number !== undefined && killOpen(plane.open, number);
}

function cut(reason: EndReason): void {
  const sessions = plane.open.size;
  for (const one of plane.open) one.end(reason);
  plane.mirrors.close();
  plane.kept.close();
  plane.sharedUpstreams.close();
  sweep.stop();
  plane.load.stop();
  log.flush();
  access.flush();
  listenerLogs.flush();
  plane.tracing?.flush();
  send({ type: "cut", sessions });
}

// A defect is about to end this thread, by an exception or a call of process.exit: its sessions are to look cut short, not
// complete. Nothing runs any more where memory is used up, or where the thread is ended from outside.
process.on("exit", () => cut("worker_died"));

/** Changes are applied one after the other, in the order in which they came; what depends on them follows. */
let applying: Promise<void> = Promise.resolve();

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "change":
      applying = applying.then(() => apply(message));
      break;
    case "socket":
      // Another worker may have had the change earlier, and its connections with it.
      applying = applying.then(() => takeOver(message));
      break;
    case "explain":
      void explainConnection(message);
      break;
    case "list":
      void listOpen(plane.open, message.filter).then((list) =>
        send({ type: "listed", id: message.id, list }),
      );
      break;
    case "kill":
      send({ type: "killed", id: message.id, found: kill(message.session) });
      break;
    case "listening":
      taken.add(message.address, message.server);
      break;
    case "describe":
      send({ type: "described", id: message.id, sockets: state.sockets });
      break;
    case "drain":
      applying = applying.then(async () => {
        await state.leave();
        plane.isDraining = true;
        send({ type: "draining" });
      });
      break;
    case "vacate":
      applying = applying.then(() => vacate(message.slot));
      break;
    case "cut":
      cut(message.reason);
      break;
  }
});

// Nothing is open yet, but the watchdog waits for a sign of life.
sweep.start(Number.POSITIVE_INFINITY);
plane.load.start();
send({ type: "ready" });
