import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { startEchoBackend } from "../support/backend.ts";
import { poolToml } from "../support/client.ts";
import { startUmay } from "../support/umay.ts";

/** Debian's name for testssl.sh, and its own. */
const program = ["testssl", "testssl.sh"].find((name) => spawnSync(name, ["--version"]).error === undefined);
const bad = new Set(["MEDIUM", "HIGH", "CRITICAL", "FATAL"]);

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** About the certificates of this test, not about the listener: a CA of our own publishes no revocation list. */
const isOurs = ({ id }: Finding): boolean => id.startsWith("cert_revocation");

/** The files of a CA, and of an ECDSA and an RSA certificate by it, in a folder that goes with the test. */
async function certificateFiles(
  context: TestContext,
): Promise<{ folder: string; ca: string; pairs: string }> {
  const folder = mkdtempSync(join(tmpdir(), "umay-testssl-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const notAfter = new Date(Date.now() + 300 * 86_400_000);
  const issuer = await createCertificate({ commonName: "umay test CA", notAfter });
  const ca = join(folder, "ca.pem");
  writeFileSync(ca, issuer.cert);
  const pairs: string[] = [];
  for (const algorithm of ["ecdsa", "rsa"] as const) {
    const names = ["localhost", "127.0.0.1"];
    const made = await createCertificate({ commonName: "localhost", names, algorithm, notAfter, issuer });
    const [cert, key] = [join(folder, `${algorithm}.pem`), join(folder, `${algorithm}.key`)];
    writeFileSync(cert, made.cert);
    writeFileSync(key, made.key);
    pairs.push(`{ cert = "${cert}", key = "${key}" }`);
  }
  return { folder, ca, pairs: pairs.join(", ") };
}

test("testssl.sh finds nothing above low in a listener with default settings", {
  skip: program === undefined && "testssl.sh is not installed",
}, async (context) => {
  const { folder, ca, pairs } = await certificateFiles(context);
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 2
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    pool = "echo"
    tls.certificates = [${pairs}]
    ${poolToml("echo", [backend.address])}`);
  const report = join(folder, "report.json");
  const options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--add-ca", ca];
  const args = [...options, "--jsonfile", report, `127.0.0.1:${umay.port("web")}`];
  // Its exit code is the number of what it finds remarkable.
  await promisify(execFile)(program!, args, { timeout: 600_000 }).catch(() => {});
  const findings = JSON.parse(readFileSync(report, "utf8")) as Finding[];
  const good = findings.filter(({ severity }) => severity === "OK").map(({ id }) => id);
  for (const id of ["TLS1_3", "cipherlist_STRONG", "heartbleed", "ROBOT", "secure_client_renego", "SWEET32"])
    assert.ok(good.includes(id), `${id} is not among what is good: ${good.join(" ")}`);
  assert.deepEqual(
    findings.filter((finding) => bad.has(finding.severity) && !isOurs(finding)),
    [],
  );
});
