import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeDebianPackage } from "../../tools/package/debian.ts";
import { type Architecture, makeExecutable } from "../../tools/package/executable.ts";
import { makeDebian, noDebian } from "../support/debian-root.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { becomes } from "../support/settled.ts";

/** A Debian of its own, with its own network of nothing but loopback. TEST_DEBIAN_ROOT names one that is there. */
describe("the Debian package", { skip: noDebian }, () => {
  const folder = mkdtempSync(join(tmpdir(), "umay-debian-"));
  const root = join(folder, "root");
  const config = join(root, "etc/umay/umay.toml");
  const certificate = join(root, "etc/umay/certs/dev.pem");
  let holder: ChildProcess;
  let umay: ChildProcess;
  let echo: ChildProcess;

  const enter = (...command: readonly string[]): string[] => [
    `--target=${holder.pid}`,
    "--mount",
    "--net",
    "chroot",
    ...command,
  ];
  const inside = (...command: readonly string[]): string =>
    execFileSync("nsenter", enter(root, ...command), {
      encoding: "utf8",
      stdio: "pipe",
      timeout: 60_000,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" },
    });
  const asUmay = (...command: readonly string[]): string[] => enter("--userspec=umay:umay", root, ...command);
  const install = (version: string): string => {
    const file = join(root, "umay.deb");
    makeDebianPackage({
      version,
      architecture: arch() as Architecture,
      executable: join(folder, "umay"),
      file,
    });
    return inside("dpkg", "--install", "/umay.deb");
  };
  /** The answer of an echo server behind umay to a client that trusts the certificate of the installation. */
  const hello = (port = 9994): string => {
    const client = `openssl s_client -connect 127.0.0.1:${port} -CAfile /etc/umay/certs/dev-ca.pem`;
    return inside(
      "sh",
      "-c",
      `(echo hello; sleep 1) | ${client} -verify_return_error -quiet -no_ign_eof 2>&1`,
    );
  };

  before(async () => {
    makeDebian(root, [], process.env["TEST_DEBIAN_ROOT"]);
    makeExecutable(arch() as Architecture, join(folder, "umay"));
    const script = `mount -t proc proc '${root}/proc' && ip link set lo up && echo held && exec sleep infinity`;
    holder = endWithTest(spawn("unshare", ["--mount", "--net", "sh", "-c", script]));
    await once(holder.stdout!, "data");
  });
  after(async () => {
    for (const child of [umay, echo, holder]) child?.kill("SIGKILL");
    if (holder?.exitCode === null && holder.signalCode === null) await once(holder, "exit");
    rmSync(folder, { recursive: true, force: true });
  });

  test("installs a user, a service, a manual page and a certificate that the user may read", () => {
    install("0.1.0~test1");
    assert.match(inside("getent", "passwd", "umay"), /nologin/);
    for (const path of ["usr/lib/systemd/system/umay.service", "usr/share/man/man1/umay.1.gz"])
      assert.ok(existsSync(join(root, path)), path);
    assert.match(inside("stat", "-c", "%a %U:%G", "/etc/umay/certs/dev.key"), /^640 root:umay$/m);
    assert.match(inside("umay", "check"), /is good/);
  });

  test("the installed configuration serves clients that trust the certificate of the installation", async () => {
    mkdirSync(join(root, "run/umay"));
    inside("chown", "umay:umay", "/run/umay");
    echo = endWithTest(spawn("nsenter", asUmay("/usr/bin/umay", "echo", "-b", "127.0.0.1:8080")));
    await once(echo.stdout!, "data");
    umay = endWithTest(spawn("nsenter", asUmay("/usr/bin/umay", "run", "-c", "/etc/umay/umay.toml")));
    let log = "";
    umay.stdout!.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await becomes(
      () => log,
      (text) => text.includes("umay is ready"),
      "the log",
    );
    assert.match(hello(), /^hello$/m);
    assert.match(inside("umay", "status"), /127\.0\.0\.1:8080/);
  });

  test("a reload as the service does it takes a listener into service", () => {
    const [listener] = /^\[listeners\.web\][\s\S]*?(?=^\[pools)/m.exec(readFileSync(config, "utf8"))!;
    appendFileSync(config, listener.replaceAll("listeners.web", "listeners.more").replace("9994", "9995"));
    execFileSync("nsenter", asUmay("/usr/bin/umay", "reload", "--config", "/etc/umay/umay.toml"));
    assert.match(hello(9995), /^hello$/m);
  });

  test("an upgrade keeps the changed configuration and the certificate", () => {
    const [text, pem] = [readFileSync(config, "utf8"), readFileSync(certificate, "utf8")];
    install("0.1.0~test2");
    assert.match(inside("dpkg", "--status", "umay"), /^Version: 0\.1\.0~test2$/m);
    assert.equal(readFileSync(config, "utf8"), text);
    assert.equal(readFileSync(certificate, "utf8"), pem);
    // The old process goes on with its old file.
    assert.match(hello(), /^hello$/m);
  });

  test("SIGTERM drains", async () => {
    umay.kill("SIGTERM");
    assert.deepEqual(await once(umay, "exit"), [0, null]);
  });

  test("removal keeps the configuration, a purge removes all that the installation made", () => {
    inside("dpkg", "--remove", "umay");
    assert.equal(existsSync(join(root, "usr/bin/umay")), false);
    assert.ok(statSync(config).isFile());
    inside("dpkg", "--purge", "umay");
    assert.equal(existsSync(join(root, "etc/umay")), false);
  });
});
