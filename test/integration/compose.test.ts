import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { projectRoot } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { patient } from "../support/patience.ts";

const [baseImage] = /(?<=^ARG NODE_IMAGE=).+/m.exec(
  readFileSync(resolve(projectRoot, "Dockerfile"), "utf8"),
)!;
const image = "umay-compose-test";
const project = `umay-test-${process.pid}`;

/** How Compose is called here, or why it cannot be tested. */
function findCompose(): { command: readonly string[] } | { skip: string } {
  if (!succeeds("docker", "info")) return { skip: "no Docker engine answers" };
  if (!succeeds("docker", "image", "inspect", baseImage)) return { skip: `${baseImage} is not there` };
  const command = [["docker", "compose"], ["docker-compose"]].find((words) => succeeds(...words, "version"));
  return command === undefined ? { skip: "Docker Compose is not installed" } : { command };
}

function succeeds(...[file = "", ...args]: string[]): boolean {
  try {
    execFileSync(file, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function run(...[file = "", ...args]: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { cwd: projectRoot, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Sends a line through umay. @returns the name of the backend that answered. */
async function ask(port: number, ca: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca, timeout: patient(20_000) });
  socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
  try {
    socket.write("hi\n");
    for await (const line of createInterface({ input: socket })) {
      assert.match(line, /^echo-\d: hi$/);
      return line.slice(0, line.indexOf(":"));
    }
    throw new Error("the connection ended without an answer");
  } finally {
    socket.destroy();
  }
}

/** @returns who answered any of so many questions that, were they asked at random, each of three would have. */
async function askOften(port: number, ca: string): Promise<string[]> {
  const answers = new Set<string>();
  for (let i = 0; i < 60; i++) answers.add(await ask(port, ca));
  return [...answers].sort();
}

/** Asks again until the answer is as expected; fails after a minute. */
async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  expected: (value: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + patient(60_000);
  for (;;) {
    const value = await read().catch((error: unknown) => error);
    if (!(value instanceof Error) && expected(value as T)) return value as T;
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`, { cause: value });
    await setTimeout(200);
  }
}

interface PoolStatus {
  readonly backends: readonly { readonly address: string; readonly connections_total: number }[];
}

const found = findCompose();

test("the Compose example balances, survives a stopped backend and finds a new one", {
  skip: "skip" in found && found.skip,
  timeout: patient(280_000),
}, async (t) => {
  assert.ok("command" in found);
  const [port = 0, adminPort = 0] = await freePorts(2);
  process.env["UMAY_IMAGE"] = image;
  process.env["UMAY_PORT"] = String(port);
  process.env["UMAY_ADMIN_PORT"] = String(adminPort);
  const compose = (...args: string[]): Promise<string> => run(...found.command, "-p", project, ...args);
  const admin = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${adminPort}${path}`);
  const pool = async (): Promise<PoolStatus> => {
    const status = (await (await admin("/status")).json()) as { pools: Record<string, PoolStatus> };
    return status.pools["echo"]!;
  };
  t.after(async () => {
    await compose("down", "--volumes", "--timeout", "5");
    await run("docker", "image", "rm", image);
  });
  const build = `docker build --quiet --force-rm --network host -t ${image} .`;
  await run(...build.split(" "));
  await compose("up", "-d", "--no-build");
  await eventually("three backends are found", pool, ({ backends }) => backends.length === 3);
  const ready = async (): Promise<boolean> => (await admin("/readyz")).ok;
  await eventually("umay is ready", ready, (isReady) => isReady);
  const ca = await compose("exec", "-T", "umay", "cat", "/certs/dev-ca.pem");
  assert.deepEqual(await askOften(port, ca), ["echo-1", "echo-2", "echo-3"]);
  const umay = (await compose("ps", "-q", "umay")).trim();
  const inspect = async (format: string): Promise<string> =>
    (await run("docker", "inspect", "--format", format, umay)).trim();
  const health = (): Promise<string> => inspect("{{.State.Health.Status}}");
  await eventually("the container is healthy", health, (status) => status === "healthy");

  await compose("stop", "echo-2");
  assert.deepEqual(await askOften(port, ca), ["echo-1", "echo-3"]);
  const left = await eventually("the stopped one is gone", pool, ({ backends }) => backends.length === 2);

  await compose("up", "-d", "--no-build", "--no-deps", "--scale", "echo-3=2", "echo-3");
  await eventually("the new one is found", pool, ({ backends }) => backends.length === 3);
  assert.deepEqual(await askOften(port, ca), ["echo-1", "echo-3"]);
  const known = left.backends.map(({ address }) => address);
  const [added, ...others] = (await pool()).backends.filter(({ address }) => !known.includes(address));
  assert.ok(added !== undefined && others.length === 0 && added.connections_total > 0);

  await compose("stop", "umay");
  assert.equal(await inspect("{{.State.ExitCode}}"), "0");
});
