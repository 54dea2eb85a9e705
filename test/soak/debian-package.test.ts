import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeDebianPackage } from "../../tools/package/debian.ts";
import { type Architecture, makeExecutable } from "../../tools/package/executable.ts";
import { LonelyDebian, makeDebian, noDebian } from "../support/debian-root.ts";

/** A Debian of its own, with its own network of nothing but loopback. TEST_DEBIAN_ROOT names one that is there. */
describe("the Debian package", { skip: noDebian }, () => {
  const folder = mkdtempSync(join(tmpdir(), "umay-debian-"));
  const root = join(folder, "root");
  const config = join(root, "etc/umay/umay.toml");
  const certificate = join(root, "etc/umay/certs/dev.pem");
  let debian: LonelyDebian;
  let umay: ChildProcess;

  const install = (version: string): string => {
    const file = join(root, "umay.deb");
    makeDebianPackage({
      version,
      architecture: arch() as Architecture,
      executable: join(folder, "umay"),
      file,
    });
    return debian.run("dpkg", "--install", "/umay.deb");
  };

  before(async () => {
    makeDebian(root, [], process.env["TEST_DEBIAN_ROOT"]);
    makeExecutable(arch() as Architecture, join(folder, "umay"));
    debian = await LonelyDebian.enter(root);
  });
  after(async () => {
    await debian?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("installs a user, a service, a manual page and a certificate that the user may read", () => {
    install("0.1.0~test1");
    assert.match(debian.run("getent", "passwd", "umay"), /nologin/);
    for (const path of ["usr/lib/systemd/system/umay.service", "usr/share/man/man1/umay.1.gz"])
      assert.ok(existsSync(join(root, path)), path);
    assert.match(debian.run("stat", "-c", "%a %U:%G", "/etc/umay/certs/dev.key"), /^640 root:umay$/m);
    assert.match(debian.run("umay", "check"), /is good/);
  });

  test("the installed configuration serves clients that trust the certificate of the installation", async () => {
    await debian.serveEchoes("127.0.0.1:8080");
    umay = await debian.serve();
    assert.match(debian.hello(), /^hello$/m);
    assert.match(debian.run("umay", "status"), /127\.0\.0\.1:8080/);
  });

  test("a reload as the service does it takes a listener into service", () => {
    const [listener] = /^\[listeners\.web\][\s\S]*?(?=^\[pools)/m.exec(readFileSync(config, "utf8"))!;
    appendFileSync(config, listener.replaceAll("listeners.web", "listeners.more").replace("9994", "9995"));
    debian.runAsUmay("umay", "reload", "--config", "/etc/umay/umay.toml");
    assert.match(debian.hello(9995), /^hello$/m);
  });

  test("an upgrade keeps the changed configuration and the certificate", () => {
    const [text, pem] = [readFileSync(config, "utf8"), readFileSync(certificate, "utf8")];
    install("0.1.0~test2");
    assert.match(debian.run("dpkg", "--status", "umay"), /^Version: 0\.1\.0~test2$/m);
    assert.equal(readFileSync(config, "utf8"), text);
    assert.equal(readFileSync(certificate, "utf8"), pem);
    // The old process goes on with its old file.
    assert.match(debian.hello(), /^hello$/m);
  });

  test("SIGTERM drains", async () => {
    umay.kill("SIGTERM");
    assert.deepEqual(await once(umay, "exit"), [0, null]);
  });

  test("removal keeps the configuration, a purge removes all that the installation made", () => {
    debian.run("dpkg", "--remove", "umay");
    assert.equal(existsSync(join(root, "usr/bin/umay")), false);
    assert.ok(statSync(config).isFile());
    debian.run("dpkg", "--purge", "umay");
    assert.equal(existsSync(join(root, "etc/umay")), false);
  });
});
