import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const notAfter = new Date(Date.now() + 90 * 86_400_000);
const dir = mkdtempSync(join(tmpdir(), "umay-pool-renewal-"));
const at = (name: string): string => join(dir, name);

/** Each file is new and takes the old one's name. */
function replace(name: string, text: string): void {
  writeFileSync(at("new"), text);
  renameSync(at("new"), at(name));
}

describe("the files of a pool's TLS", () => {
  const resources = new AsyncDisposableStack();
  let authority: CreatedCertificate;
  let stranger: CreatedCertificate;
  let backend: Backend;
  let umay: RunningUmay;
  /** Began before anything changed. */
  let lasting: Peer;

  function show({ cert, key }: CreatedCertificate): void {
    replace("umay.key", key);
    replace("umay.pem", cert);
  }
  const issue = (commonName: string): Promise<CreatedCertificate> =>
    createCertificate({ commonName, names: ["127.0.0.1"], issuer: authority, notAfter });
  const reloads = (result: string): Promise<number> =>
    umay.metric("umay_pool_certificate_reloads_total", { pool: "secure", result });

  /** The subject that umay shows in a new session; undefined where umay does not accept the backend. */
  async function shown(): Promise<string | undefined> {
    const { length } = backend.peers;
    using client = await connectPlain(umay.port("web"));
    try {
      await echoed(client);
    } catch {
      return undefined;
    }
    // Health checks are connections too: they never say a word.
    const server = backend.peers.slice(length).find(({ received }) => received > 0)!;
    return (server.socket as TLSSocket).getPeerX509Certificate()?.subject;
  }

  /** Until every worker does so. */
  async function shows(subject: string | undefined): Promise<void> {
    let inARow = 0;
    await becomes(
      async () => {
        inARow = (await shown()) === subject ? inARow + 1 : 0;
        return inARow;
      },
      (times) => times === 8,
      `sessions in a row with ${subject}`,
    );
  }

  before(async () => {
    authority = await createCertificate({ commonName: "one CA", notAfter });
    stranger = await createCertificate({ commonName: "another CA", notAfter });
    const { cert, key } = await issue("backend");
    const asks = { requestCert: true, rejectUnauthorized: false, sessionIdContext: "test" };
    // With TLS 1.3 a health check has passed before the backend knows its certificate.
    const tls = { cert, key, ca: authority.cert, maxVersion: "TLSv1.2", ...asks } as const;
    backend = resources.use(await startBackend({ tls, onPeer: ({ socket }) => socket.pipe(socket) }));
    writeFileSync(at("ca.pem"), authority.cert);
    show(await issue("v1"));
    const settings = `
      outlier = { enabled = false }
      health = { type = "tls", interval = "100ms", fall = 1, rise = 1 }
      tls = { ca = "ca.pem", cert = "umay.pem", key = "umay.key" }`;
    writeFileSync(
      at("umay.toml"),
      `workers = 2
      admin.bind = "127.0.0.1:0"
      listeners.web = { bind = "127.0.0.1:0", pool = "secure" }
      ${poolToml("secure", [backend.address], settings)}`,
    );
    umay = resources.use(await startUmay("", { args: ["--config", at("umay.toml")] }));
    lasting = await connectPlain(umay.port("web"));
    await echoed(lasting);
  });
  after(async () => {
    lasting?.[Symbol.dispose]();
    await resources.disposeAsync();
    rmSync(dir, { recursive: true, force: true });
  });

  test("a new client certificate is shown to backends in new sessions, and in health checks", async () => {
    await shows("CN=v1");
    show(await issue("v2"));
    const line = await umay.logged(({ msg }) => msg === "a certificate was renewed");
    assert.deepEqual([line["pool"], line["subject"]], ["secure", "CN=v2"]);
    await shows("CN=v2");
    const { length } = backend.peers;
    await becomes(
      () =>
        backend.peers
          .slice(length)
          .map(({ socket }) => (socket as TLSSocket).getPeerX509Certificate()?.subject),
      (subjects) => subjects.includes("CN=v2"),
      "certificates of health checks",
    );
    assert.equal(await reloads("applied"), 1);
    const subject = { pool: "secure", subject: "CN=v2" };
    assert.equal(
      await umay.metric("umay_pool_certificate_not_after_timestamp_seconds", subject),
      Math.floor(notAfter.getTime() / 1000),
    );
  });

  test("what can't be used is told and counted, and the old one is shown on", async () => {
    const { key } = await issue("v4");
    show({ ...(await issue("v3")), key });
    replace("ca.pem", "");
    const line = await umay.logged(({ msg }) => /umay\.key does not match .*umay\.pem \(CN=v3\)/.test(msg));
    assert.deepEqual([line.level, line["pool"]], ["error", "secure"]);
    await umay.logged(({ msg }) => /ca\.pem is empty/.test(msg));
    assert.equal(await shown(), "CN=v2");
    assert.equal(await reloads("failed"), 2);
    assert.equal(await reloads("applied"), 1);
  });

  test("backends are verified by new CAs, in health checks too", async () => {
    replace("ca.pem", stranger.cert);
    await umay.logged(({ msg, pool }) => msg === "CAs of backends were renewed" && pool === "secure");
    await umay.logged(
      ({ msg, cause }) => msg === "backend is down" && /verify|certificate/.test(String(cause)),
    );
    await shows(undefined);
    replace("ca.pem", authority.cert + stranger.cert);
    await umay.logged(({ msg }) => msg === "backend is up");
    await shows("CN=v2");
    assert.equal(await reloads("applied"), 3);
  });

  test("no session was touched by any of this", async () => {
    await echoed(lasting);
  });
});
