import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { Agent, createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cluster, envoyFile, httpFilter, typed } from "../support/envoy.ts";
import { TestProcessor } from "../support/processor.ts";
import { becomes, residentBytes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

/** In milliseconds. */
const [warm, long] = [15_000, 45_000];
const clients = 16;
const longestBody = 200_000;

const ways = [
  ["/streamed", "upper"],
  ["/buffered", "upper"],
  ["/duplex", "duplex"],
] as const;

const modes: Readonly<Record<string, string>> = {
  "/streamed": "STREAMED",
  "/buffered": "BUFFERED",
  "/duplex": "FULL_DUPLEX_STREAMED",
};

/** Sends a body and compares what comes back. @param leaves the client goes away in the middle. */
function exchange(port: number, agent: Agent, number: number, leaves: boolean): Promise<"whole" | "left"> {
  const [path, deed] = ways[number % ways.length]!;
  const body = Buffer.alloc((number * 7_919) % longestBody, `body ${number}, `);
  return new Promise((resolve, reject) => {
    const outgoing = send({
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      agent,
      headers: { host: "x.test", "x-do": deed },
    });
    outgoing.on("error", (error) => (leaves ? resolve("left") : reject(error)));
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", (error) => (leaves ? resolve("left") : reject(error)));
      response.on("end", () => {
        const got = Buffer.concat(parts).toString();
        if (response.statusCode === 200 && got === body.toString().toUpperCase()) resolve("whole");
        else
          reject(
            new Error(`request ${number}: ${response.statusCode}, ${got.length} of ${body.length} bytes`),
          );
      });
    });
    const half = body.length >> 1;
    outgoing.write(body.subarray(0, half));
    if (leaves) setImmediate(() => outgoing.destroy(new Error("left")));
    else outgoing.end(body.subarray(half));
  });
}

test("a minute of bodies through a processor, each whole, while every tenth client leaves: memory stays, and no call is left", async (t) => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-processing-soak-"));
  using processor = await TestProcessor.start();
  const backend = createServer((asked, answer) => void asked.on("error", () => {}).pipe(answer));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    backend.closeAllConnections();
    backend.close();
  });
  const route = (path: string): object => {
    const of = (side: string): object => ({
      [`${side}_body_mode`]: modes[path],
      [`${side}_trailer_mode`]: path === "/duplex" ? "SEND" : "SKIP",
    });
    return {
      match: { prefix: path },
      route: { cluster: "a", timeout: "30s" },
      typed_per_filter_config: {
        p: typed("envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute", {
          overrides: { processing_mode: { ...of("request"), ...of("response") } },
        }),
      },
    };
  };
  const path = join(dir.path, "envoy.json");
  writeFileSync(
    path,
    envoyFile({
      port: 0,
      filters: [
        httpFilter(
          "ext_proc.v3.ExternalProcessor",
          { grpc_service: { envoy_grpc: { cluster_name: "processor" } }, message_timeout: "30s" },
          { name: "p" },
        ),
      ],
      routes: ways.map(([each]) => route(each)),
      clusters: [
        cluster("a", (backend.address() as AddressInfo).port),
        cluster("processor", processor.port, {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              { explicit_http_config: { http2_protocol_options: {} } },
            ),
          },
        }),
      ],
    }),
  );
  await using umay = await startUmay("", {
    args: ["--envoy-config", path],
    env: { UMAY__WORKERS: "1", UMAY__LOG__SESSIONS: "false" },
  });
  const counts = { whole: 0, left: 0 };
  let number = 0;
  const load = async (ms: number): Promise<void> => {
    const end = performance.now() + ms;
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const client = async (): Promise<void> => {
      while (performance.now() < end) {
        const own = number++;
        counts[await exchange(umay.port("l"), agent, own, own % 10 === 9)]++;
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    agent.destroy();
  };
  await load(warm);
  const before = residentBytes(umay.pid);
  await load(long);
  const after = residentBytes(umay.pid);
  t.diagnostic(
    `${counts.whole} bodies whole, ${counts.left} clients left; ${before >> 20} MiB, then ${after >> 20} MiB`,
  );
  assert.ok(counts.whole > 500 && counts.left > 50, JSON.stringify(counts));
  assert.ok(after < before * 1.25 + 16 * 1_048_576, `${before} bytes became ${after}`);
  await becomes(
    () => processor.calls.size,
    (calls) => calls === 0,
    "calls under way",
  );
  assert.deepEqual(
    umay.log.filter(({ level }) => level === "error" || level === "fatal"),
    [],
  );
});
