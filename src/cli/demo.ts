import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import type { Model } from "../model/model.ts";
import { type DevCertificates, ensureDevCertificates } from "./dev-certificates.ts";
import { describeEcho, type EchoServer, startEcho } from "./echo-server.ts";
import { exitCode, printError } from "./exit.ts";
import { startHttpEcho } from "./http-echo.ts";
import { orExplain, tomlProvider } from "./load.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/** A demo: the configuration that it runs, and who answers at its backends' addresses. */
interface Demo {
  /** In the folder `config`. */
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly start: typeof startEcho;
  readonly introduce: (model: Model, backends: readonly EchoServer[]) => string;
}

/** `umay demo`: config/umay.toml with development certificates, and an echo server at each backend's address. */
export async function demo(): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  try {
    const certificates = await demoCertificates(cleanup);
    const env = {
      ...process.env,
      UMAY__LISTENERS__ECHO__TLS__CERTIFICATES: certificatesOverride(certificates),
    };
    const introduce = (model: Model, backends: readonly EchoServer[]): string =>
      introduction(model, backends, certificates);
    return await run({ file: "umay.toml", env, start: startEcho, introduce }, cleanup);
  } catch (error) {
    printError((error as Error).message);
    return exitCode.failed;
  }
}

/** `umay demo --http`: config/http-demo.toml, and at each backend's address a server that answers with what it got. */
export async function httpDemo(): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  try {
    const start = ({ bind, name = "echo" }: { readonly bind: string; readonly name?: string | undefined }) =>
      startHttpEcho({ bind, name });
    const http = { file: "http-demo.toml", env: process.env, start, introduce: httpIntroduction };
    return await run(http, cleanup);
  } catch (error) {
    printError((error as Error).message);
    return exitCode.failed;
  }
}

async function run({ file, env, start, introduce }: Demo, cleanup: AsyncDisposableStack): Promise<number> {
  const provider = tomlProvider(await packagedConfig(file, cleanup), env);
  const first = await orExplain(provider.propose());
  if (first === undefined) return exitCode.badConfig;
  const backends: EchoServer[] = [];
  for (const [index, address] of [...new Set(backendAddresses(first.model))].entries())
    backends.push(await startBackend(`echo-${index + 1}`, address, start, cleanup));
  // A terminal that is closed ends its demo; for umay itself the signal asks for a reload.
  process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"));
  const { runUmay } = await import("../control/process/run.ts");
  const { discover } = await import("./discover.ts");
  return await runUmay({
    provider,
    first,
    discover,
    onReady: () => process.stdout.write(introduce(first.model, backends)),
  });
}

/** The package's own file; of the single executable a copy, for this demo only, since umay reads no file inside of it. */
async function packagedConfig(file: string, cleanup: AsyncDisposableStack): Promise<string> {
  const packaged = join(packageRoot, "config", file);
  if (!isSea()) return packaged;
  const copy = join(await temporaryFolder(cleanup), file);
  await writeFile(copy, await readFile(packaged));
  return copy;
}

async function temporaryFolder(cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "umay-demo-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes them in the package's own folder, for later demos too. Where that can't be written, for this demo only. */
async function demoCertificates(cleanup: AsyncDisposableStack): Promise<DevCertificates> {
  try {
    return await ensureDevCertificates(join(packageRoot, "certs"));
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return await ensureDevCertificates(await temporaryFolder(cleanup));
  }
}

/** JSON's strings are TOML's too. */
function certificatesOverride({ files }: DevCertificates): string {
  return `[{ cert = ${JSON.stringify(files.cert)}, key = ${JSON.stringify(files.key)} }]`;
}

function backendAddresses({ pools }: Model): string[] {
  return pools.flatMap(({ discovery }) =>
    discovery.type === "static" ? discovery.backends.map(({ address }) => address) : [],
  );
}

async function startBackend(
  name: string,
  bind: string,
  start: Demo["start"],
  cleanup: AsyncDisposableStack,
): Promise<EchoServer> {
  try {
    const server = await start({ bind, name });
    cleanup.defer(() => server.close());
    return server;
  } catch (error) {
    throw new Error(`demo backend ${name} ${(error as Error).message}`, { cause: error });
  }
}

function introduction(model: Model, backends: readonly EchoServer[], { files }: DevCertificates): string {
  const lines = model.listeners.map(({ name, bind }) => `listener ${name} on ${formatAddress(bind)}, TLS`);
  lines.push(...backends.map((server, index) => describeEcho(`backend echo-${index + 1}`, server)));
  if (model.admin !== undefined) lines.push(`admin server on http://${formatAddress(model.admin.bind)}`);
  const port = portOf(model.listeners[0]?.bind);
  return `
umay demo
${lines.map((line) => `  ${line}`).join("\n")}

Try, several times, and end it with Ctrl-C:
  echo "Hello, Umay!" | openssl s_client -connect localhost:${port} -quiet -CAfile ${shellPath(files.ca)}
Ctrl-C here drains and ends the demo.

`;
}

function httpIntroduction(model: Model, backends: readonly EchoServer[]): string {
  const lines = model.listeners.map(({ name, bind }) => `listener ${name} on ${formatAddress(bind)}, HTTP`);
  lines.push(...backends.map((server, index) => describeEcho(`backend echo-${index + 1}`, server)));
  if (model.admin !== undefined) lines.push(`admin server on http://${formatAddress(model.admin.bind)}`);
  const port = portOf(model.listeners[0]?.bind);
  return `
umay demo --http
${lines.map((line) => `  ${line}`).join("\n")}

Try, several times, and end it with Ctrl-C:
  curl http://localhost:${port}/
  curl -i http://localhost:${port}/hello http://localhost:${port}/first/a
${explained(model, `http://localhost:${port}/first/a`)}  npx node -e 'new WebSocket("ws://localhost:${port}/").onopen = ({ target }) => (target.onmessage = ({ data }) => (console.log(data), target.close()), target.send("Hello, Umay!"))'

`;
}

/** A line that asks this demo about a request, not the configuration of whoever runs it. */
function explained({ admin }: Model, url: string): string {
  const umay = isSea() ? "umay" : "npx umay";
  return admin === undefined ? "" : `  ${umay} explain --admin ${formatAddress(admin.bind)} ${url}\n`;
}

function portOf(bind: SocketAddress | undefined): number {
  return bind?.kind === "tcp" ? bind.port : 0;
}

/** The shortest path from the working folder, quoted where the shell needs it. */
function shellPath(path: string): string {
  const near = relative(process.cwd(), path);
  const short = near.startsWith(`..${sep}`) ? path : near;
  return /^[\w./-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}
