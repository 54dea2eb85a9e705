import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  type CallOptions,
  Client,
  credentials,
  type Metadata as GrpcMetadata,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Explanation } from "../../src/model/explanation.ts";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { GrpcBackend } from "../support/grpc-service.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const same = (bytes: Buffer): Buffer => bytes;

/** The outcome of a call. */
interface Outcome {
  readonly error: ServiceError | null;
  readonly value: Buffer | undefined;
  readonly trailers: GrpcMetadata;
}

describe("gRPC through umay", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let plain: GrpcBackend;
  let secure: GrpcBackend;
  let client: Client;
  let secured: Client;

  before(async () => {
    const { ecdsa, ca } = await testCertificates();
    plain = resources.use(await GrpcBackend.start());
    secure = resources.use(await GrpcBackend.start(ecdsa));
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        [listeners.plain]
        bind = "127.0.0.1:0"
        mode = "http"
        http.versions = ["2"]
        [listeners.secure]
        bind = "127.0.0.1:0"
        mode = "http"
        tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
        [routes.echo]
        listeners = ["plain"]
        match = [{ grpc = { service = "test.Echo" } }]
        pool = "plain"
        max_body = "20MiB"
        [routes.echo-secure]
        listeners = ["secure"]
        match = [{ grpc = { service = "test.Echo" } }]
        pool = "secure"
        [routes.hurried]
        match = [{ grpc = { service = "test.Hurried", method = "Never" } }]
        pool = "plain"
        rewrite = { path = "/test.Echo/Never" }
        timeouts = { request = "400ms" }
        [routes.small]
        match = [{ grpc = { service = "test.Small" } }]
        pool = "plain"
        max_body = "10B"
        [routes.closed]
        match = [{ grpc = { service = "test.Closed" } }]
        respond = { status = 503, body = "closed till 100 %\\nof us are back" }
        [routes.gone]
        match = [{ grpc = { service = "test.Gone" } }]
        pool = "gone"
        ${poolToml("plain", [plain.address], 'http.version = "2"')}
        ${poolToml("secure", [secure.address], `http.version = "auto"\ntls.ca = "${ca}"`)}
        ${poolToml("gone", ["127.0.0.1:1"], 'http.version = "2"')}`),
    );
    const options = { "grpc.max_receive_message_length": -1 };
    client = new Client(`127.0.0.1:${umay.port("plain")}`, credentials.createInsecure(), options);
    secured = new Client(`127.0.0.1:${umay.port("secure")}`, credentials.createSsl(readFileSync(ca)), {
      ...options,
      "grpc.ssl_target_name_override": "localhost",
    });
    resources.defer(() => {
      client.close();
      secured.close();
    });
  });
  after(() => resources.disposeAsync());

  function unary(
    to: Client,
    path: string,
    message: Buffer,
    { metadata = new Metadata(), ...options }: CallOptions & { metadata?: GrpcMetadata } = {},
  ): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve) => {
      let trailers = new Metadata();
      let result: Pick<Outcome, "error" | "value"> | undefined;
      const call = to.makeUnaryRequest(path, same, same, message, metadata, options, (error, value) => {
        result = { error, value };
      });
      call.on("status", (end) => {
        trailers = end.metadata;
        setImmediate(() => resolve({ ...result!, trailers }));
      });
    });
    return soon(outcome, `the end of ${path}`);
  }

  const codeOf = async (
    path: string,
    message = Buffer.from("x"),
    options: CallOptions = {},
  ): Promise<number> => (await unary(client, path, message, options)).error?.code ?? status.OK;

  for (const name of ["plain", "secure"] as const)
    test(`100 unary calls at a time, with metadata and a large message (${name})`, async () => {
      const to = name === "plain" ? client : secured;
      const calls = Array.from({ length: 100 }, (_, index) =>
        unary(to, "/test.Echo/Unary", Buffer.from(`call ${index}`)),
      );
      const values = (await Promise.all(calls)).map(({ value }) => value?.toString());
      assert.deepEqual(
        values,
        Array.from({ length: 100 }, (_, index) => `call ${index}`),
      );
      const metadata = new Metadata();
      metadata.set("x-text", "told");
      metadata.set("x-bytes-bin", Buffer.from([0, 1, 255]));
      const large = Buffer.alloc(3 * 2 ** 20, "umay");
      const { value, trailers } = await unary(to, "/test.Echo/Unary", large, { metadata });
      assert.ok(value!.equals(large));
      assert.deepEqual(trailers.get("x-text"), ["told"]);
      assert.deepEqual(trailers.get("x-bytes-bin"), [Buffer.from([0, 1, 255])]);
    });

  test("streams in either direction and in both at a time", async () => {
    const down = client.makeServerStreamRequest("/test.Echo/Server", same, same, Buffer.from("500"));
    const got: string[] = [];
    down.on("data", (message: Buffer) => got.push(message.toString()));
    await soon(once(down, "end"), "the end of a server's stream");
    assert.deepEqual([got.length, got.at(-1)], [500, "499"]);

    const sum = await soon(
      new Promise<string>((resolve, reject) => {
        const up = client.makeClientStreamRequest("/test.Echo/Client", same, same, (error, value) =>
          error === null ? resolve(value!.toString()) : reject(error),
        );
        for (let count = 0; count < 100; count++) up.write(Buffer.alloc(20_000));
        up.end();
      }),
      "the answer to a client's stream",
    );
    assert.equal(sum, "2000000");

    const both = secured.makeBidiStreamRequest("/test.Echo/Bidi", same, same);
    // Each message waits for the answer to the one before.
    for (let count = 0; count < 50; count++) {
      const answer = once(both, "data");
      both.write(Buffer.from(`message ${count}`));
      assert.equal((await soon(answer, "a message"))[0].toString(), `message ${count}`);
    }
    both.end();
    const [end] = await soon(once(both, "status"), "a status");
    assert.equal(end.code, status.OK);
  });

  test("a status without a message arrives as the backend made it", async () => {
    const { error } = await unary(client, "/test.Echo/Fails", Buffer.from(""));
    assert.deepEqual([error?.code, error?.details], [status.FAILED_PRECONDITION, "nicht möglich: ☃"]);
  });

  test("a call that is cancelled ends at the backend", async () => {
    const before = plain.never.length;
    const call = client.makeUnaryRequest("/test.Echo/Never", same, same, Buffer.from(""), () => {});
    while (plain.never.length === before) await new Promise((resolve) => setTimeout(resolve, 2));
    call.cancel();
    await soon(plain.never.at(-1)!.cancelled, "the backend's news of it");
  });

  test("a deadline is passed on, and kept; that of the route counts where it is earlier", async () => {
    const sent = Date.now();
    assert.equal(
      await codeOf("/test.Echo/Never", undefined, { deadline: sent + 300 }),
      status.DEADLINE_EXCEEDED,
    );
    const { deadline } = plain.never.at(-1)!;
    assert.ok(Math.abs(Number(deadline) - sent - 300) < 290, `the backend had ${Number(deadline) - sent} ms`);

    assert.equal(
      await codeOf("/test.Hurried/Never", undefined, { deadline: Date.now() + 3_600_000 }),
      status.DEADLINE_EXCEEDED,
    );
    const hurried = plain.never.at(-1)!;
    assert.ok(Number(hurried.deadline) - Date.now() < 10_000, "the backend had the whole time");
    await soon(hurried.cancelled, "the backend's news of it");
  });

  test("explain tells the status and the deadline of a call as its caller sees them", async () => {
    const explained = async (path: string, ...headers: readonly string[]) => {
      const query = new URLSearchParams({
        url: `http://127.0.0.1:${umay.port("plain")}${path}`,
        method: "POST",
      });
      for (const header of ["content-type: application/grpc", ...headers]) query.append("header", header);
      const answer = await fetch(`${umay.admin}/explain?${query}`);
      return ((await answer.json()) as Explanation).http!.call!;
    };
    const nobody = await explained("/test.Nobody/Unary");
    assert.equal(nobody.status, await codeOf("/test.Nobody/Unary"));
    assert.equal((await explained("/test.Closed/Unary")).status, status.UNAVAILABLE);
    assert.equal((await explained("/test.Echo/Unary")).status, null);
    const { deadline } = await explained("/test.Hurried/Never", "grpc-timeout: 1H");
    assert.match(deadline!, /^400ms, as the route has it/);
  });

  test("the status of a call is in its line and counted, whoever says it and wherever it stands", async () => {
    const named = async (path: string, route: string) => {
      const call = unary(client, path, Buffer.from("x"));
      const line = await umay.logged((each) => each["path"] === path && each["grpc_status"] !== undefined);
      const { error } = await call;
      const name = status[error?.code ?? status.OK];
      assert.equal(line["grpc_status"], error?.code ?? status.OK);
      const counted = (labels: Record<string, string>): Promise<number> =>
        umay.metric(labels["route"] === undefined ? "umay_grpc_calls_total" : "umay_route_grpc_calls_total", {
          ...labels,
          grpc_status: name!,
        });
      assert.ok((await counted({ listener: "plain" })) > 0);
      assert.ok((await counted({ route })) > 0);
      return error?.details;
    };
    await named("/test.Echo/Unary", "echo");
    await named("/test.Echo/Fails", "echo");
    assert.equal(await named("/test.Closed/Unary", "closed"), "closed till 100 %\nof us are back");
    await named("/test.Gone/Unary", "gone");
  });

  test("umay's own answers have the status that fits", async () => {
    assert.equal(await codeOf("/test.Nobody/Unary"), status.UNIMPLEMENTED);
    assert.equal(await codeOf("/test.Small/Unary", Buffer.alloc(100)), status.RESOURCE_EXHAUSTED);
    const { error } = await unary(client, "/test.Gone/Unary", Buffer.from(""));
    assert.deepEqual([error?.code, error?.details], [status.UNAVAILABLE, "connect_failed"]);
  });
});
