import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { testCertificates } from "./certificates.ts";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";
import { becomes } from "./settled.ts";
import { unprivileged } from "./unprivileged.ts";

const found = spawnSync("sh", ["-c", "command -v postgres && command -v psql"], { encoding: "utf8" });

/** Why a test has to be skipped; false: it has not. */
export const postgresMissing = found.status !== 0 && "PostgreSQL is not installed";

/** A real PostgreSQL server that takes connections over TLS and others. */
export interface PostgresServer extends AsyncDisposable {
  readonly address: string;
}

export async function startPostgres(): Promise<PostgresServer> {
  const { ecdsa } = await testCertificates();
  const programs = dirname(realpathSync(found.stdout.split("\n")[0]!));
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), "umay-postgres-"));
  const key = join(folder, "key.pem");
  copyFileSync(ecdsa.key, key);
  chmodSync(key, 0o600);
  const cert = join(folder, "cert.pem");
  copyFileSync(ecdsa.cert, cert);
  if (user.uid !== undefined) for (const path of [folder, key, cert]) chownSync(path, user.uid, user.gid!);
  const data = join(folder, "data");
  const init = ["-D", data, "-U", "umay", "--auth=trust", "--no-sync", "--locale=C"];
  execFileSync(join(programs, "initdb"), init, { ...user, cwd: folder, stdio: "ignore" });
  const [port = 0] = await freePorts(1);
  const settings = {
    ssl: "on",
    ssl_cert_file: cert,
    ssl_key_file: key,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = endWithTest(
    spawn(join(programs, "postgres"), ["-D", data, "-p", String(port), ...args], {
      ...user,
      stdio: "ignore",
    }),
  );
  const address = `127.0.0.1:${port}`;
  const ready = async (): Promise<boolean> => (await query(address, "select 1", "disable")).code === 0;
  await becomes(ready, (is) => is, "PostgreSQL", 30_000);
  return {
    address,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      // Its fast shutdown.
      child.kill("SIGINT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks psql. @param sslmode as libpq knows it. */
export async function query(
  address: string,
  sql: string,
  sslmode: "disable" | "require" | "verify-full",
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [host, port] = address.split(":");
  const { ca } = await testCertificates();
  const where = `host=${host} port=${port} user=umay dbname=postgres sslmode=${sslmode} sslrootcert=${ca} connect_timeout=10`;
  try {
    return { code: 0, ...(await promisify(execFile)("psql", ["-XAtc", sql, where])) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}
