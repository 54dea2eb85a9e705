import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpiryWatch } from "../../../src/control/tell/expiry.ts";
import type { ClientAuth } from "../../../src/model/client-auth.ts";
import type { Listener } from "../../../src/model/listener.ts";
import type { PairSource } from "../../../src/model/material.ts";
import type { Pool } from "../../../src/model/pool.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { authorities, fileSource } from "../../support/material.ts";
import { testInput } from "./metrics-input.ts";

// Once: each has memory for all that a process counts.
const { web, echo } = testInput();
const hour = 3_600_000;
const day = 24 * hour;

const pair = (name: string): PairSource => ({ kind: "file", cert: `${name}.pem`, key: `${name}.key` });

const clientAuth = (authority: number, list: number): ClientAuth => ({
  mode: "require",
  ca: { ...authorities("", "ca.pem"), members: [{ subject: "CN=CA", notAfter: authority }] },
  crl: { source: fileSource("crl.pem"), pems: [""], nextUpdate: list },
  allow: undefined,
});

function listener(certificateEnd: number, auth?: ClientAuth): Listener {
  const [settings] = web.tls;
  const [certificate] = settings!.certificates;
  const certificates = [{ ...certificate!, source: pair("web"), notAfter: certificateEnd }];
  return { ...web, tls: [{ ...settings!, certificates, clientAuth: auth }] };
}

/** The lines that are logged while time goes on by hours. @param listeners by hours since the start. */
function log(
  hours: number,
  listeners: (hour: number) => Listener,
  pools: readonly Pick<Pool, "name" | "tls">[] = [],
): string[] {
  const lines: string[] = [];
  let now = 0;
  const logger = createLogger(
    { level: "info" },
    {
      write(line) {
        const { level, listener, pool, file, msg } = JSON.parse(line);
        lines.push(`${now / hour} ${level} ${listener ?? pool} ${file} ${msg}`);
      },
    },
  );
  const watch = new ExpiryWatch(() => ({ listeners: [listeners(now / hour)], pools }), logger);
  for (; now < hours * hour; now += hour) watch.look(now);
  watch.stop();
  return lines;
}

test("a certificate's end is said 30, 7 and 1 days before, and when it has come, once each", () => {
  const end = 31 * day;
  assert.deepEqual(
    log(24 * 40, () => listener(end)),
    [
      "24 warn web web.pem the certificate of CN=example.com ends in less than 30 days; renew it",
      `${24 * 24} warn web web.pem the certificate of CN=example.com ends in less than 7 days; renew it`,
      `${24 * 30} warn web web.pem the certificate of CN=example.com ends in less than 1 day; renew it`,
      `${24 * 31} error web web.pem the certificate of CN=example.com has ended: clients refuse it; renew it`,
    ],
  );
});

test("what is near its end when it is loaded is not said again, and its next threshold is", () => {
  const lines = log(24 * 5, () => listener(10 * day));
  assert.deepEqual(lines, [
    `${24 * 3} warn web web.pem the certificate of CN=example.com ends in less than 7 days; renew it`,
  ]);
});

test("a renewed certificate begins anew", () => {
  const lines = log(24 * 12, (now) => listener(now < 24 * 4 ? 10 * day : 40 * day));
  assert.deepEqual(
    lines.map((line) => line.split(" ")[0]),
    [String(24 * 3), String(24 * 10)],
  );
});

test("CAs are told as certificates are, and revocation lists when they have ended", () => {
  const lines = log(24 * 10, () => listener(99 * day, clientAuth(8 * day, 3 * day)));
  assert.deepEqual(lines, [
    "24 warn web ca.pem the CA CN=CA ends in less than 7 days; renew it",
    "72 error web crl.pem a revocation list has ended: clients with certificates of its CA are refused; renew it",
    `${24 * 7} warn web ca.pem the CA CN=CA ends in less than 1 day; renew it`,
    `${24 * 8} error web ca.pem the CA CN=CA has ended: clients with certificates of it are refused; renew it`,
  ]);
});

test("what backends are shown is told as a listener's certificates are", () => {
  const certificate = { ...echo.tls!.certificate!, source: pair("umay"), notAfter: 2 * day };
  const lines = log(24 * 3, () => listener(99 * day), [{ name: "echo", tls: { ...echo.tls!, certificate } }]);
  assert.deepEqual(lines, [
    "24 warn echo umay.pem the certificate of CN=umay ends in less than 1 day; renew it",
    "48 error echo umay.pem the certificate of CN=umay has ended: backends refuse it; renew it",
  ]);
});
