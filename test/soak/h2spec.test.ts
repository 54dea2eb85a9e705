import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { test } from "node:test";
import { promisify } from "node:util";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

/** Where Go installs programs, if not on the path: `go install github.com/summerwind/h2spec/cmd/h2spec@latest`. */
const program = ["h2spec", `${homedir()}/go/bin/h2spec`].find(
  (path) => spawnSync(path, ["--version"]).status === 0,
);

test("h2spec finds nothing wrong, with TLS and without", {
  skip: program === undefined && "h2spec is not installed",
}, async () => {
  await using backend = await NodeServer.start((response) => response.end("x".repeat(1_000)));
  const { ecdsa } = await testCertificates();
  await using umay = await startUmay(`
    workers = 1
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.plain]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    # Else what is no preface of HTTP/2 is answered in HTTP/1.1.
    http.versions = ["2"]
    [listeners.secure]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
    ${poolToml("app", [backend.address])}`);
  for (const listener of ["plain", "secure"]) {
    const args = ["-h", "127.0.0.1", "-p", String(umay.port(listener)), "--timeout", "5"];
    const tls = listener === "secure" ? ["-t", "-k"] : [];
    const { stdout } = await promisify(execFile)(program!, [...args, ...tls], { maxBuffer: 1 << 24 }).catch(
      (failed: { stdout: string }) => failed,
    );
    assert.match(stdout, /\n(\d+) tests, \1 passed, 0 skipped, 0 failed\n/, stdout.slice(-4_000));
  }
});
