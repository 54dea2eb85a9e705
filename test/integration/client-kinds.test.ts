import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { type CertificatePair, testCertificates } from "../support/certificates.ts";
import { connectSecure, poolToml, turnedAway } from "../support/client.ts";
import { issue, ofCa } from "../support/issue.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

describe("clients that are known by their certificates", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  const clients: Record<string, { readonly cert: Buffer; readonly key: Buffer }> = {};

  before(async () => {
    const folder = mkdtempDisposableSync(join(tmpdir(), "umay-kinds-"));
    resources.defer(() => folder.remove());
    const ca = issue(folder.path, "ca", { extensions: ofCa });
    const read = ({ cert, key }: CertificatePair) => ({ cert: readFileSync(cert), key: readFileSync(key) });
    const usage = "extendedKeyUsage=clientAuth";
    const named = (name: string, curve: string, ...extensions: string[]): void => {
      clients[name] = read(
        issue(folder.path, name, { issuer: ca, curve, extensions: [usage, ...extensions] }),
      );
    };
    named("near", "P-256", "subjectAltName=IP:10.1.2.3");
    named("six", "P-256", "subjectAltName=IP:2001:db8::7");
    named("far", "P-256", "subjectAltName=IP:192.0.2.1,DNS:10.1.2.3");
    named("p521", "P-521", "subjectAltName=DNS:localhost");
    const { ecdsa } = await testCertificates();
    const policies = {
      known: "",
      addresses: ', allow = ["ip:10.1.0.0/16", "ip:2001:db8::7"]',
    };
    const backend = resources.use(await startEchoBackend());
    const listeners = Object.entries(policies).map(
      ([name, allow]) => `[listeners.${name}]
        bind = "127.0.0.1:0"
        pool = "echo"
        [listeners.${name}.tls]
        certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
        client_auth = { ca = "${ca.cert}"${allow} }`,
    );
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        ${listeners.join("\n")}
        ${poolToml("echo", [backend.address])}`),
    );
  });
  after(() => resources.disposeAsync());

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const only = { minVersion: version, maxVersion: version };

    test(`on the curve P-521 are let in at defaults, over ${version}`, async () => {
      using peer = await connectSecure(umay.port("known"), { ...clients["p521"], ...only });
      await echoed(peer);
    });

    test(`are let in by their IP addresses, and by no name that looks like one, over ${version}`, async () => {
      for (const name of ["near", "six"]) {
        using peer = await connectSecure(umay.port("addresses"), { ...clients[name], ...only });
        await echoed(peer);
      }
      await turnedAway(connectSecure(umay.port("addresses"), { ...clients["far"], ...only }));
      const line = await umay.session(({ client_cert: cert, tls }) => cert === "CN=far" && tls === version);
      assert.match(String(line["tls_error"]), /^client_not_allowed: CN=far/);
    });
  }
});
