import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { cluster, envoyFile, typed } from "../support/envoy.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { blocks, message } from "../support/processor.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const bytes = (content: Buffer): Buffer => content;
const service = {
  export: {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
} as const;

/** A collector of traces. @param answer the message of each answer. */
async function startCollector(answer: Buffer): Promise<{ port: number; reports: Buffer[] } & Disposable> {
  const server = new Server();
  const reports: Buffer[] = [];
  server.addService(service, {
    export: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      reports.push(request);
      done(null, answer);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, reports, [Symbol.dispose]: () => server.forceShutdown() };
}

/** The first block of a field. */
const first = (content: Uint8Array, number: number): Uint8Array =>
  blocks(content, number)[0] ?? new Uint8Array(0);
const text = (content: Uint8Array): string => Buffer.from(content).toString();

test("traces go to a collector over gRPC, with names, ids and attributes, and what it refuses is told", async () => {
  using collector = await startCollector(message([1, message([1, 3], [2, "too many"])]));
  await using backend = await startHttpBackend(tellRequest("a"));
  const dir = mkdtempSync(join(tmpdir(), "umay-traces-"));
  try {
    const path = join(dir, "envoy.json");
    const config = typed("envoy.config.trace.v3.OpenTelemetryConfig", {
      grpc_service: { envoy_grpc: { cluster_name: "collector" } },
      service_name: "edge",
    });
    const file = envoyFile({
      port: 0,
      manager: { tracing: { provider: { name: "otel", typed_config: config } } },
      clusters: [cluster("a", Number(backend.address.split(":")[1])), cluster("collector", collector.port)],
    });
    writeFileSync(path, file);
    await using umay = await startUmay("", {
      args: ["--envoy-config", path],
      env: { UMAY__WORKERS: "1" },
    });
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    await ask(umay.port("l"), { path: "/x", headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
    await becomes(
      () => collector.reports.length,
      (count) => count === 1,
      "a report",
    );
    const resource = first(collector.reports[0]!, 1);
    const [name] = blocks(first(resource, 1), 1).filter((each) => text(first(each, 1)) === "service.name");
    assert.equal(text(first(first(name!, 2), 1)), "edge");
    const span = first(first(resource, 2), 2);
    assert.deepEqual([Buffer.from(first(span, 1)).toString("hex"), first(span, 2).length], [trace, 8]);
    assert.match(text(first(span, 5)), /^GET /);
    const keys = blocks(span, 9).map((each) => text(first(each, 1)));
    assert.ok(keys.includes("http.response.status_code") && keys.includes("umay.pool"), keys.join());
    const line = await umay.logged(({ msg }) => msg.startsWith("telemetry can't be sent"));
    assert.match(JSON.stringify(line), /refused some: too many/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
