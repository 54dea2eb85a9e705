import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { hello, Listener } from "../http/http2/wire.ts";
import { connectSocket, poolToml } from "../support/client.ts";
import { type Payload, payloads } from "../support/desync-payloads.ts";
import { downgrades } from "../support/downgrade-payloads.ts";
import { HttpClient } from "../support/http-client.ts";
import { soon } from "../support/peer.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";
import {
  apache,
  NodeServer,
  nginx,
  startApache,
  startNginx,
  type WebServer,
} from "../support/web-servers.ts";

/** Programs that read requests in their own ways. */
const kinds = ["node", "nginx", "apache"] as const;
type Kind = (typeof kinds)[number];

const missing: Readonly<Record<Kind, string | false>> = {
  node: false,
  nginx: nginx === undefined && "nginx is not installed",
  apache: apache === undefined && "Apache is not installed",
};

/** A server, and who is behind it to see what it has understood; Node's sees for itself. */
interface Read {
  readonly sink: NodeServer;
  readonly server: WebServer | undefined;
}

describe("backends read the requests that umay has read, and no others", { concurrency: 3 }, () => {
  const stack = new AsyncDisposableStack();
  const servers = new Map<Kind, Read>();
  let umay: RunningUmay;

  before(async () => {
    for (const kind of kinds) {
      if (missing[kind] !== false) continue;
      const sink = stack.use(await NodeServer.start());
      const server =
        kind === "node"
          ? undefined
          : stack.use(await (kind === "nginx" ? startNginx : startApache)(sink.address));
      servers.set(kind, { sink, server });
    }
    umay = stack.use(
      await startUmay(`
      workers = 1
      admin = { bind = "127.0.0.1:0" }
      ${[...servers.keys()].flatMap((kind) => [listenerToml(kind, kind, ["1.1"]), listenerToml(kind, over2(kind), ["2", "1.1"])]).join("\n")}
      ${[...servers].map(([kind, { sink, server }]) => poolToml(kind, [(server ?? sink).address], "outlier.enabled = false")).join("\n")}`),
    );
  });
  after(() => stack.disposeAsync());

  for (const kind of kinds)
    describe(kind, { skip: missing[kind], concurrency: 1 }, () => {
      test(`${payloads.length} payloads at once and in two pieces`, async () => {
        const rounds: Round[] = [];
        for (const payload of payloads)
          for (const pieces of [1, 2] as const) rounds.push(await send(kind, payload, pieces));
        const count = rounds.reduce((sum, { statuses }) => sum + statuses.length + 1, 0);
        await umay.logged((line) => line === umay.log.at(-1) && linesOf(kind).length >= count);
        const lines = linesOf(kind);
        const { server } = servers.get(kind)!;
        if (server !== undefined) assert.deepEqual(unknownTo(lines, server.log), []);
        const wrong = rounds.flatMap((round) =>
          differences(round, lines.splice(0, round.statuses.length + 1)),
        );
        assert.deepEqual(wrong, []);
        assert.equal(lines.length, 0);
      });

      test(`${downgrades.length} payloads of HTTP/2`, async () => {
        const { seen } = servers.get(kind)!.sink;
        const port = umay.port(over2(kind));
        const wrong: string[] = [];
        for (const { name, frames, outcome, read } of downgrades) {
          const from = seen.length;
          const got = await outcomeOf(port, frames);
          const probe = await answerTo(port, `/probe/${from}`);
          const requests = seen
            .slice(from)
            .map(({ method, target, body, headers }) =>
              headers["x-smuggled"] === undefined ? `${method} ${target} ${body}` : "a field of its own",
            );
          wrong.push(
            ...differs(`${name}: outcome`, got, outcome),
            ...differs(`${name}: the backend's requests`, requests, [...read, `GET /probe/${from} 0`]),
            ...differs(`${name}: the next answer`, probe, `/probe/${from}`),
          );
        }
        assert.deepEqual(wrong, []);
      });
    });

  const linesOf = (kind: Kind): LogLine[] =>
    umay.log.filter((line) => line["listener"] === kind && line["status"] !== undefined);

  /** Sends a payload and then, over another connection, a request that is as it should be. */
  async function send(kind: Kind, payload: Payload, pieces: 1 | 2): Promise<Round> {
    const { seen } = servers.get(kind)!.sink;
    const from = seen.length;
    const what = `${payload.name}, in ${pieces}`;
    const statuses = await statusesOf(umay.port(kind), payload, pieces);
    const requests = seen
      .slice(from)
      .map(({ method, target, body }) => `${method} ${pathOf(target)} ${body}`);
    // It may go over a connection to the backend that served before: nothing of the payload must be left there.
    const probe = await answerTo(umay.port(kind), `/probe/${from}`);
    const probed = seen.at(-1)!.target;
    return { what, payload, statuses, requests, probes: [probe, probed, `/probe/${from}`] };
  }
});

interface Round {
  readonly what: string;
  readonly payload: Payload;
  readonly statuses: readonly number[];
  /** The requests that the backend has read. */
  readonly requests: readonly string[];
  /** The same target, as the client has it in answer, as the backend read it, and as it was sent. */
  readonly probes: readonly [string, string, string];
}

/** @param lines of umay's log that are of this round. @returns what is not as it should be. */
function differences(
  { what, payload, statuses, requests, probes }: Round,
  lines: readonly LogLine[],
): string[] {
  const expected = lines
    .slice(0, -1)
    .filter(({ status, reason }) => reason === "served" && status === 200)
    .map(({ method, path, received }) => `${method} ${path} ${received}`);
  return [
    ...differs(`${what}: statuses`, statuses, payload.statuses),
    ...differs(`${what}: the backend's requests`, requests, expected),
    ...differs(`${what}: the next answer`, probes[0], probes[2]),
    ...differs(`${what}: the next request`, probes[1], probes[2]),
  ];
}

const pathOf = (target: string): string => target.split("?")[0]!;

const listenerToml = (pool: Kind, name: string, versions: readonly string[]): string =>
  `listeners.${name} = { bind = "127.0.0.1:0", mode = "http", pool = "${pool}", http.versions = ${JSON.stringify(versions)} }`;

/** The listener that is sent HTTP/2. */
const over2 = (kind: Kind): string => `${kind}-2`;

const differs = (what: string, actual: unknown, expected: unknown): string[] =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? []
    : [`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];

/** Of the final responses, until the connection ends. */
async function statusesOf(port: number, { bytes }: Payload, pieces: 1 | 2): Promise<number[]> {
  using client = await HttpClient.connect(port);
  const middle = pieces === 1 ? 0 : Math.max(bytes.indexOf("\r\n\r\n") + 4, 1);
  client.write(bytes.slice(0, middle));
  if (pieces === 2) await new Promise((resolve) => setTimeout(resolve, 3));
  client.socket.end(bytes.slice(middle), "latin1");
  await client.ending();
  return [...client.surplus.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
}

/** The outcome of the first stream. */
async function outcomeOf(port: number, frames: Buffer): Promise<number | string> {
  const listener = new Listener();
  using socket = Object.assign(await connectSocket(port), {
    [Symbol.dispose]: () => void socket.destroy(),
  });
  socket.write(Buffer.concat([hello, frames]));
  const { promise, resolve } = Promise.withResolvers<number | string>();
  let status = 0;
  socket.on("data", (bytes: Buffer) => {
    for (const line of listener.hear(bytes)) {
      const [kind, id, about] = line.split(" ");
      if (kind === "goAway") resolve(line);
      if (id !== "1") continue;
      if (kind === "reset") resolve(status === 0 ? "reset" : line);
      if (kind === "headers") status = Number(about?.replace(":status=", ""));
      if (line.endsWith(" end")) resolve(status);
    }
  });
  socket.on("close", () => resolve("closed"));
  return await soon(promise, "the end of a stream");
}

async function answerTo(port: number, path: string): Promise<string> {
  using client = await HttpClient.connect(port);
  client.write(`GET ${path} HTTP/1.1\r\nhost: a.example\r\n\r\n`);
  return (await client.response()).body.toString();
}

/** Requests in a backend's log that umay has not sent. */
function unknownTo(lines: readonly LogLine[], log: readonly string[]): string[] {
  const left = lines.map(({ method, path }) => `${method} ${path}`);
  return log.filter((line) => {
    const [method, target] = line.split(" ");
    const at = left.indexOf(`${method} ${pathOf(target!)}`);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
