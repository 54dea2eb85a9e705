import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type TLSSocket,
  TLSSocket as Tls,
} from "node:tls";
import { alertFor, alertRecord, expectVerdict } from "../../../src/data/accept/verdict-alert.ts";
import { testCertificates } from "../../support/certificates.ts";

const { ecdsa } = await testCertificates();
const secureContext = createSecureContext({
  cert: readFileSync(ecdsa.cert),
  key: readFileSync(ecdsa.key),
  ciphers: "ALL",
});

/** Shakes hands, and tells the client this at once. @returns the client's error. */
async function told(
  options: ConnectionOptions,
  record: (tls: TLSSocket) => Buffer | undefined,
  before: (tls: TLSSocket) => void = expectVerdict,
): Promise<string> {
  await using resources = new AsyncDisposableStack();
  const server = createServer((raw) => {
    raw.on("error", () => {});
    const tls = new Tls(raw, { isServer: true, secureContext });
    tls.on("error", () => {});
    before(tls);
    tls.once("secure", () => {
      const words = record(tls);
      if (words === undefined) raw.resetAndDestroy();
      else raw.write(words, () => raw.destroy());
    });
  }).listen(0, "127.0.0.1");
  resources.defer(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  resources.defer(() => void client.destroy());
  const [error] = (await once(client.resume(), "close").then(
    () => [{ code: "none" }],
    (reason: NodeJS.ErrnoException) => [reason],
  )) as [NodeJS.ErrnoException];
  return error.code ?? error.message;
}

for (const ciphers of [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
])
  test(`a client reads the alert of a verdict: ${ciphers}`, async () => {
    const maxVersion = ciphers.startsWith("TLS_") ? "TLSv1.3" : "TLSv1.2";
    for (const [alert, code] of [
      ["unknown_ca", "UNKNOWN_CA"],
      ["certificate_revoked", "CERTIFICATE_REVOKED"],
      ["access_denied", "ACCESS_DENIED"],
    ] as const)
      assert.match(
        await told({ ciphers, maxVersion }, (tls) => alertRecord(tls, alert)),
        new RegExp(`ALERT_${code}$`),
      );
  });

test("there is no alert where none is wanted, where its key is not known, and the key is kept for one verdict", async () => {
  const records: (Buffer | undefined)[] = [];
  await told({}, (tls) => {
    records.push(alertRecord(tls, undefined), alertRecord(tls, "unknown_ca"));
    return undefined;
  });
  const unprepared = (tls: TLSSocket): undefined => void records.push(alertRecord(tls, "unknown_ca"));
  await told({}, unprepared, () => {});
  assert.deepEqual(records, [undefined, undefined, undefined]);
});

test("a resumed session of TLS 1.2 gets no alert, which could not be read", () => {
  const tls = { getProtocol: () => "TLSv1.2", isSessionReused: () => true } as unknown as TLSSocket;
  assert.equal(alertRecord(tls, "unknown_ca"), undefined);
});

test("errors of verification have the alerts that OpenSSL has for them", () => {
  for (const [code, alert] of [
    ["CERT_HAS_EXPIRED", "certificate_expired"],
    ["CERT_REVOKED", "certificate_revoked"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "unknown_ca"],
    ["INVALID_PURPOSE", "unsupported_certificate"],
    ["CERT_NOT_YET_VALID", "bad_certificate"],
    ["ANYTHING_ELSE", "certificate_unknown"],
  ] as const)
    assert.equal(alertFor(code), alert);
});
