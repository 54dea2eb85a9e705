import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeDebianPackage } from "../../tools/package/debian.ts";
import { makeExecutable } from "../../tools/package/executable.ts";
import { LonelyDebian, makeDebian, noDebian } from "../support/debian-root.ts";
import { becomes } from "../support/settled.ts";

const emulator = spawnSync("which", ["qemu-aarch64-static"], { encoding: "utf8" }).stdout.trim();
const skip = noDebian || (emulator === "" ? "qemu-user-static is missing" : false);

/** Packages that a program for arm64 needs, beside those of this machine's own architecture. */
const libraries = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1"].map((name) => `${name}:arm64`);

/** The package for arm64 in a Debian of this machine that has its libraries, too; QEMU runs its program. */
describe("the Debian package for arm64", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "umay-arm64-"));
  const root = join(folder, "root");
  let debian: LonelyDebian;

  before(async () => {
    makeDebian(root, [], process.env["TEST_DEBIAN_ROOT"]);
    inRoot("dpkg", "--add-architecture", "arm64");
    inRoot("apt-get", "update");
    inRoot("apt-get", "install", "--yes", "--no-install-recommends", ...libraries);
    copyFileSync(emulator, join(root, "usr/bin/qemu-aarch64-static"));
    // Scripts of the package and the commands of this test call it by its name.
    inRoot("dpkg-divert", "--local", "--rename", "--divert", "/usr/bin/umay.arm64", "--add", "/usr/bin/umay");
    const call = '#!/bin/sh\nexec qemu-aarch64-static /usr/bin/umay.arm64 "$@"\n';
    writeFileSync(join(root, "usr/bin/umay"), call, { mode: 0o755 });
    const executable = join(folder, "umay");
    makeExecutable("arm64", executable);
    makeDebianPackage({ version: "0.1.0", architecture: "arm64", executable, file: join(root, "umay.deb") });
    debian = await LonelyDebian.enter(root);
  });
  after(async () => {
    await debian?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** While the root still sees the machine's network, for its packages. */
  function inRoot(...command: readonly string[]): void {
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" };
    const { status, stdout, stderr } = spawnSync("chroot", [root, ...command], { encoding: "utf8", env });
    assert.equal(status, 0, `${command.join(" ")}\n${stdout}${stderr}`);
  }

  function status(): string {
    try {
      return debian.run("umay", "status");
    } catch (error) {
      return (error as Error).message;
    }
  }

  test("installs, and its program says its version and finds its configuration good", () => {
    debian.run("dpkg", "--install", "/umay.deb");
    assert.match(debian.run("dpkg", "--status", "umay"), /^Architecture: arm64$/m);
    assert.match(debian.run("umay", "--version"), /^umay \d+\.\d+\.\d+ \(Node 26\./);
    assert.match(debian.run("umay", "check"), /is good/);
  });

  test("serves clients over TLS, answers for itself, and drains", async () => {
    await debian.serveEchoes("127.0.0.1:8080");
    const umay = await debian.serve();
    assert.match(debian.hello(), /^hello$/m);
    // It waits for three seconds, in which an emulated umay may still be compiling.
    await becomes(
      () => status(),
      (text) => text.includes("127.0.0.1:8080"),
      "the status",
      60_000,
    );
    umay.kill("SIGTERM");
    assert.deepEqual(await once(umay, "exit"), [0, null]);
  });
});
