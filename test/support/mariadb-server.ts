import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";
import { becomes } from "./settled.ts";
import { unprivileged } from "./unprivileged.ts";

const found = spawnSync("sh", ["-c", "command -v mariadbd && command -v mariadb-install-db"], {
  encoding: "utf8",
});

/** Why a test has to be skipped; false: it has not. */
export const mariadbMissing = found.status !== 0 && "MariaDB is not installed";

/** A real MariaDB, whose only user is root without a password. */
export interface MariadbServer extends AsyncDisposable {
  readonly address: string;
}

export async function startMariadb(): Promise<MariadbServer> {
  const [server, install] = found.stdout.split("\n") as [string, string];
  const base = dirname(dirname(realpathSync(server)));
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), "umay-mariadb-"));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
  const places = ["--no-defaults", `--basedir=${base}`, `--datadir=${join(folder, "data")}`];
  const asked = ["--auth-root-authentication-method=normal", "--skip-test-db"];
  execFileSync(install, [...places, ...asked], { ...user, cwd: folder, stdio: "ignore" });
  const [port = 0] = await freePorts(1);
  const where = ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${join(folder, "socket")}`];
  const child = endWithTest(spawn(server, [...places, ...where], { ...user, stdio: "ignore" }));
  await becomes(
    () => greets(port),
    (is) => is,
    "MariaDB",
    30_000,
  );
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a server speaks first on this port. */
function greets(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("data", () => resolve(true));
  socket.once("close", () => resolve(false)).on("error", () => {});
  return promise.finally(() => socket.destroy());
}
