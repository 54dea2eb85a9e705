import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeDebianPackage } from "../../tools/package/debian.ts";
import { type Architecture, makeExecutable } from "../../tools/package/executable.ts";
import { BootedDebian, makeDebian, noSystemd, writeInside } from "../support/debian-root.ts";
import { becomes } from "../support/settled.ts";

const service = "umay.service";

/** The unit of the Debian package under a real systemd. TEST_SYSTEMD_ROOT names a Debian with systemd that is there. */
describe("the service under systemd", { skip: noSystemd }, () => {
  const folder = mkdtempSync(join(tmpdir(), "umay-systemd-"));
  const root = join(folder, "root");
  const config = join(root, "etc/umay/umay.toml");
  let debian: BootedDebian;
  let original = "";

  const install = (version: string): void => {
    const file = join(root, "umay.deb");
    const executable = join(folder, "umay");
    makeDebianPackage({ version, architecture: arch() as Architecture, executable, file });
    debian.run("dpkg", "--install", "/umay.deb");
  };
  const property = (name: string): string =>
    debian.run("systemctl", "show", "--value", `--property=${name}`, service).trim();
  const client = (port: number): string =>
    `openssl s_client -connect 127.0.0.1:${port} -CAfile /etc/umay/certs/dev-ca.pem -verify_return_error -quiet -no_ign_eof`;
  /** The answer of an echo server behind umay, at once or within so many seconds. */
  const hello = (port: number, clients = 1, seconds = 1): string => {
    const visit = `(echo hello; sleep ${seconds}) | ${client(port)} 2>&1`;
    return debian.run("sh", "-c", `${`${visit} & `.repeat(clients)}wait`);
  };
  const override = (text: string): void => {
    writeInside(root, `etc/systemd/system/${service}.d/test.conf`, `[Service]\n${text}\n`);
    debian.run("systemctl", "daemon-reload");
  };

  before(async () => {
    makeDebian(root, ["systemd", "systemd-sysv", "dbus", "logrotate"], process.env["TEST_SYSTEMD_ROOT"]);
    makeExecutable(arch() as Architecture, join(folder, "umay"));
    debian = await BootedDebian.boot(root);
    install("0.1.0~test1");
    original = readFileSync(config, "utf8");
    debian.run("systemd-run", "--unit=echo", "umay", "echo", "-b", "127.0.0.1:8080");
  });
  after(async () => {
    await debian?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("is up after the installation, says what it serves, and serves", async () => {
    await becomes(
      () => property("ActiveState"),
      (state) => state === "active",
      "the service",
      60_000,
    );
    assert.match(property("StatusText"), /^serving; listeners: 1, pools: 1, workers: \d+$/);
    // The echo server was only just started.
    await becomes(
      () => hello(9994),
      (answer) => /^hello$/m.test(answer),
      "the answer",
      30_000,
    );
    assert.match(debian.run("journalctl", "--unit", service), /umay is ready/);
  });

  test("may do nothing but bind low ports", () => {
    const pid = property("MainPID");
    const status = debian.run("cat", `/proc/${pid}/status`);
    assert.match(status, /^NoNewPrivs:\s1$/m);
    assert.match(status, /^CapBnd:\s0{13}400$/m);
    assert.equal(debian.run("stat", "-c", "%U", `/proc/${pid}`).trim(), "umay");
    writeFileSync(config, original.replace("0.0.0.0:9994", "0.0.0.0:443"));
    debian.run("systemctl", "reload", service);
    assert.match(hello(443), /^hello$/m);
  });

  test("a reload that is wrong fails, and changes nothing", () => {
    writeFileSync(config, original.replace("pool =", "pol ="));
    assert.notEqual(debian.try("systemctl", "reload", service).code, 0);
    assert.equal(property("ActiveState"), "active");
    assert.match(hello(443), /^hello$/m);
    writeFileSync(config, original);
    debian.run("systemctl", "reload", service);
    assert.match(hello(9994), /^hello$/m);
  });

  test("lines of requests go to a file that logrotate rotates", async () => {
    const http = `
[log.access]
file = "/var/log/umay/access.log"
format = "combined"
[listeners.plain]
bind = "127.0.0.1:8081"
mode = "http"
[routes.hello]
respond = { body = "hello" }
`;
    writeFileSync(config, `${original}${http}`);
    debian.run("systemctl", "restart", service);
    const get = (path: string): string => {
      const request = `GET ${path} HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n`;
      return debian.run("bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/8081; printf '${request}' >&3; cat <&3`);
    };
    const lines = (file: string): string => debian.try("cat", `/var/log/umay/${file}`).output;
    assert.match(get("/before"), /hello/);
    await becomes(
      () => lines("access.log"),
      (text) => text.includes("GET /before"),
      "the file",
    );
    debian.run("logrotate", "--force", "/etc/logrotate.d/umay");
    await becomes(
      () => get("/after") && lines("access.log"),
      (text) => text.includes("GET /after") && !text.includes("GET /before"),
      "the new file",
    );
    assert.match(lines("access.log.1"), /GET \/before/);
    writeFileSync(config, original);
    debian.run("systemctl", "restart", service);
  });

  test("a main thread that hangs is restarted by the watchdog", async () => {
    override("WatchdogSec=2s\nTimeoutStopSec=2s");
    debian.run("systemctl", "restart", service);
    const pid = property("MainPID");
    debian.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", service);
    await becomes(
      () => `${property("NRestarts")} ${property("ActiveState")}`,
      (state) => state === "1 active",
      "restarts",
      60_000,
    );
    assert.notEqual(property("MainPID"), pid);
    override("");
  });

  test("is not restarted for a configuration that is wrong", async () => {
    writeFileSync(config, original.replace("pool =", "pol ="));
    assert.notEqual(debian.try("systemctl", "restart", service).code, 0);
    assert.deepEqual(["ActiveState", "ExecMainStatus", "NRestarts"].map(property), ["failed", "78", "0"]);
    writeFileSync(config, original);
    debian.run("systemctl", "start", service);
  });

  test("an upgrade takes over from the running one: no connection is refused, and one that is open goes on", async () => {
    const pid = property("MainPID");
    const visits = `i=0; while [ $i -lt 40 ]; do (echo hello; sleep 0.2) | ${client(9994)} 2>&1 | grep -c ^hello$; i=$((i + 1)); done`;
    const open = `(echo begun; sleep 15; echo hello; sleep 1) | ${client(9994)} 2>&1`;
    debian.run("sh", "-c", `(${open}) >/open 2>&1 & (${visits}) >/visits 2>&1 &`);
    await becomes(
      () => debian.run("cat", "/visits", "/open"),
      (text) => text.includes("1") && text.includes("begun"),
      "visits",
      30_000,
    );
    install("0.1.0~test2");
    const next = property("MainPID");
    assert.notEqual(next, pid);
    debian.run("test", "-e", `/proc/${pid}`);
    assert.deepEqual(["ActiveState", "NRestarts"].map(property), ["active", "0"]);
    await becomes(
      () => debian.run("cat", "/visits").trim().split("\n"),
      (lines) => lines.length === 40,
      "visits",
      60_000,
    );
    assert.doesNotMatch(debian.run("cat", "/visits"), /0/);
    await becomes(
      () => debian.run("cat", "/open"),
      (text) => text.includes("hello"),
      "the connection that was open",
      60_000,
    );
    await becomes(
      () => debian.try("test", "-e", `/proc/${pid}`).code,
      (code) => code !== 0,
      "the end of the old one",
      60_000,
    );
    assert.deepEqual(["ActiveState", "MainPID"].map(property), ["active", next]);
    // systemd watches the new one, which is its child only since the old one has ended.
    debian.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", service);
    await becomes(
      () => `${property("NRestarts")} ${property("ActiveState")}`,
      (state) => state === "1 active",
      "restarts",
      30_000,
    );
    assert.match(hello(9994), /^hello$/m);
  });

  test("connections wait in the socket that systemd holds while it restarts", () => {
    const socket = "[Socket]\nListenStream=0.0.0.0:9994\nFileDescriptorName=web\nBacklog=4096\n\n";
    writeInside(root, "etc/systemd/system/umay.socket", `${socket}[Install]\nWantedBy=sockets.target\n`);
    debian.run("systemctl", "daemon-reload");
    debian.run("systemctl", "disable", "--now", service);
    debian.run("systemctl", "enable", "--now", "umay.socket");
    debian.run("systemctl", "start", service);
    const pid = property("MainPID");
    debian.run("systemctl", "restart", "--no-block", service);
    assert.equal([...hello(9994, 5, 15).matchAll(/^hello$/gm)].length, 5);
    assert.notEqual(property("MainPID"), pid);
  });

  test("stops in order, and is gone when the package is removed", () => {
    debian.run("systemctl", "disable", "--now", "umay.socket", service);
    assert.deepEqual(["ActiveState", "Result"].map(property), ["inactive", "success"]);
    debian.run("dpkg", "--purge", "umay");
    assert.notEqual(debian.try("systemctl", "cat", service).code, 0);
  });
});
