import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { startEchoBackend } from "../support/backend.ts";
import { type TestCertificates, testCertificates } from "../support/certificates.ts";
import { connectSecure, poolToml } from "../support/client.ts";
import { sClient } from "../support/openssl.ts";
import { soon } from "../support/peer.ts";
import { settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const versions = ["TLSv1.2", "TLSv1.3"] as const;

function listenerToml(name: string, { ecdsa, otherName }: TestCertificates, tls: string): string {
  return `
    [listeners.${name}]
    bind = "127.0.0.1:0"
    pool = "echo"
    [listeners.${name}.tls]
    certificates = [
      { cert = "${ecdsa.cert}", key = "${ecdsa.key}" },
      { cert = "${otherName.cert}", key = "${otherName.key}" },
    ]
    ${tls}`;
}

describe("session tickets, with two workers", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let folder: string;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    const certificates = await testCertificates();
    const made = mkdtempDisposableSync(join(tmpdir(), "umay-"));
    resources.defer(() => made.remove());
    folder = made.path;
    umay = resources.use(
      await startUmay(`
        workers = 2
        [admin]
        bind = "127.0.0.1:0"
        ${listenerToml("tickets", certificates, "")}
        ${listenerToml("neighbour", certificates, "")}
        ${listenerToml("none", certificates, "session_tickets = { enabled = false }")}
        ${poolToml("echo", [backend.address])}`),
    );
  });
  afterEach(() => settled(umay));
  after(() => resources.disposeAsync());

  /** Begins a session, and resolves with its ticket. */
  async function ticketOf(listener: string, options: ConnectionOptions): Promise<Buffer> {
    using client = await connectSecure(umay.port(listener), options);
    const tls = client.socket as TLSSocket;
    // In TLS 1.2 it came with the handshake.
    if (options.maxVersion === "TLSv1.2") return tls.getSession()!;
    const [ticket] = await soon(once(tls, "session"), "a ticket");
    return ticket as Buffer;
  }

  /** Whether a session is resumed with this ticket, and by which worker. */
  async function resume(
    listener: string,
    session: Buffer,
    options: ConnectionOptions,
  ): Promise<[boolean, number]> {
    using client = await connectSecure(umay.port(listener), { ...options, session });
    await client.write("hello");
    assert.equal(String(await client.read(5)), "hello");
    const { workers } = await umay.status();
    const worker = workers.find(({ connections }) => connections > 0)!.id;
    const resumed = (client.socket as TLSSocket).isSessionReused();
    client.end();
    await client.ending();
    await settled(umay);
    return [resumed, worker];
  }

  for (const version of versions) {
    const only = { minVersion: version, maxVersion: version } as const;
    const flag = version === "TLSv1.2" ? "-tls1_2" : "-tls1_3";

    for (const servername of ["localhost", "any.other.test"])
      test(`a ticket is accepted by both workers, for ${servername} over ${version}`, async () => {
        const options = { ...only, servername };
        const ticket = await ticketOf("tickets", options);
        const workers = new Set<number>();
        // The kernel chooses the worker: that it is the same 40 times happens once in 2^39.
        for (let attempt = 0; attempt < 40 && workers.size < 2; attempt++) {
          const [resumed, worker] = await resume("tickets", ticket, options);
          assert.ok(resumed, `resumed by worker ${worker}`);
          workers.add(worker);
        }
        assert.equal(workers.size, 2);
      });

    test(`openssl s_client resumes with its ticket, ten times, over ${version}`, async () => {
      const file = join(folder, `session-${version}.pem`);
      const run = async (...args: string[]): Promise<string> =>
        (await sClient(umay.port("tickets"), [flag, "-servername", "localhost", ...args], "Umay\n", "Umay"))
          .output;
      assert.match(await run("-sess_out", file), /^New, /m);
      for (let attempt = 0; attempt < 10; attempt++) assert.match(await run("-sess_in", file), /^Reused, /m);
    });

    test(`a ticket of one listener is worth nothing on another, over ${version}`, async () => {
      const ticket = await ticketOf("tickets", only);
      assert.deepEqual((await resume("neighbour", ticket, only))[0], false);
    });

    test(`nothing is resumed where tickets are off, over ${version}`, async () => {
      const file = join(folder, `no-session-${version}.pem`);
      const run = async (...args: string[]): Promise<string> =>
        (await sClient(umay.port("none"), [flag, ...args], "Umay\n", "Umay")).output;
      await run("-sess_out", file);
      for (let attempt = 0; attempt < 5; attempt++)
        assert.doesNotMatch(await run("-sess_in", file), /^Reused, /m);
    });
  }
});
