import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, credentials, Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { poolToml } from "../support/client.ts";
import { GrpcBackend } from "../support/grpc-service.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const same = (bytes: Buffer): Buffer => bytes;

/** A call of `Flaky`, see the service. */
interface Asked {
  readonly name: string;
  readonly fails: number;
  readonly code?: number;
  readonly isLate?: boolean;
  readonly messages?: readonly Buffer[];
}

describe("calls of gRPC that fail", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let backend: GrpcBackend;
  let client: Client;

  before(async () => {
    backend = resources.use(await GrpcBackend.start());
    umay = resources.use(
      await startUmay(`
        workers = 1
        admin.bind = "127.0.0.1:0"
        [listeners.web]
        bind = "127.0.0.1:0"
        mode = "http"
        http.versions = ["2"]
        [routes.echo]
        grpc = { service = "test.Echo" }
        pool = "app"
        retry = { on = ["grpc-unavailable", "grpc-resource-exhausted"], attempts = 2, buffer = "32KiB", backoff = { base = "1ms", max = "2ms" } }
        ${poolToml("app", [backend.address], 'http.version = "2"\nretry_budget = { percent = 20, min = 100 }')}`),
    );
    // Else it would make some calls again itself.
    const options = { "grpc.enable_retries": 0 };
    client = new Client(`127.0.0.1:${umay.port("web")}`, credentials.createInsecure(), options);
    resources.defer(() => client.close());
  });
  after(() => resources.disposeAsync());

  /** @returns the answer's messages, its status, and the bytes that the backend got with each attempt. */
  async function flaky({ name, fails, code = status.UNAVAILABLE, isLate = false, messages }: Asked) {
    const metadata = new Metadata();
    metadata.set("x-name", name);
    metadata.set("x-fails", String(fails));
    metadata.set("x-code", String(code));
    if (isLate) metadata.set("x-late", "1");
    const call = client.makeBidiStreamRequest("/test.Echo/Flaky", same, same, metadata);
    const got: string[] = [];
    call.on("data", (message: Buffer) => got.push(message.toString()));
    call.on("error", () => {});
    const ended = new Promise<StatusObject>((resolve) => call.on("status", resolve));
    for (const message of messages ?? [Buffer.alloc(1_000)]) call.write(message);
    call.end();
    const end = await soon(ended, `the status of ${name}`);
    return { got, code: end.code, details: end.details, seen: backend.flaky.get(name) };
  }

  const retries = (): Promise<number> => umay.metric("umay_request_retries_total", { pool: "app" });

  test("is made again when its status is one that the route names, with all that was sent of it", async () => {
    const before = await retries();
    const messages = [Buffer.alloc(10), Buffer.alloc(20_000), Buffer.alloc(0)];
    const { got, code, seen } = await flaky({ name: "twice", fails: 2, messages });
    assert.deepEqual([got, code, seen], [["20010"], status.OK, [20_010, 20_010, 20_010]]);
    assert.equal((await retries()) - before, 2);
    const reason = "grpc-unavailable";
    assert.ok((await umay.metric("umay_request_retries_total", { pool: "app", reason })) >= 2);
    const line = await umay.logged(({ attempts }) => Array.isArray(attempts) && attempts.length === 3);
    const tries = line["attempts"] as { readonly error?: string; readonly retry?: string }[];
    assert.deepEqual(
      tries.map(({ error, retry }) => [error, retry]),
      [
        [reason, "made"],
        [reason, "made"],
        [undefined, undefined],
      ],
    );
    assert.deepEqual([line["status"], line["reason"]], [200, "served"]);
    const other = await flaky({ name: "full", fails: 1, code: status.RESOURCE_EXHAUSTED });
    assert.deepEqual([other.code, other.seen?.length], [status.OK, 2]);
  });

  test("ends as its backend has it, after the last attempt", async () => {
    const { code, details, seen } = await flaky({ name: "always", fails: 9 });
    assert.deepEqual([code, details, seen?.length], [status.UNAVAILABLE, "failure 3", 3]);
  });

  test("is made once with another status, or with a message before its end", async () => {
    const internal = await flaky({ name: "internal", fails: 9, code: status.INTERNAL });
    assert.deepEqual([internal.code, internal.seen?.length], [status.INTERNAL, 1]);
    const late = await flaky({ name: "late", fails: 9, isLate: true });
    assert.deepEqual([late.got, late.code, late.seen?.length], [["begun"], status.UNAVAILABLE, 1]);
  });

  test("is made once when more of it was sent than is kept", async () => {
    const messages = [Buffer.alloc(20_000), Buffer.alloc(20_000)];
    const { code, seen } = await flaky({ name: "large", fails: 9, messages });
    assert.deepEqual([code, seen], [status.UNAVAILABLE, [40_000]]);
    assert.ok(
      (await umay.metric("umay_request_retries_refused_total", { pool: "app", reason: "body" })) >= 1,
    );
  });
});
