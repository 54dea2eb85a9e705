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
import { orExplain, tomlProvider } from "./load.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
const packagedConfig = join(packageRoot, "config", "umay.toml");

/** `umay demo`: config/umay.toml with development certificates, and an echo server at each backend's address. */
export async function demo(): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  try {
    const certificates = await demoCertificates(cleanup);
    const env = {
      ...process.env,
      UMAY__LISTENERS__ECHO__TLS__CERTIFICATES: certificatesOverride(certificates),
    };
    const provider = tomlProvider(await demoConfig(cleanup), env);
    const first = await orExplain(provider.propose());
    if (first === undefined) return exitCode.badConfig;
    const backends: EchoServer[] = [];
    for (const [index, address] of backendAddresses(first.model).entries())
      backends.push(await startBackend(`echo-${index + 1}`, address, cleanup));
    const { runUmay } = await import("../control/process/run.ts");
    const { discover } = await import("./discover.ts");
    return await runUmay({
      provider,
      first,
      discover,
      onReady: () => process.stdout.write(introduction(first.model, backends, certificates)),
    });
  } catch (error) {
    printError((error as Error).message);
    return exitCode.failed;
  }
}

/** The package's own file; of the single executable a copy, for this demo only, since umay reads no file inside of it. */
async function demoConfig(cleanup: AsyncDisposableStack): Promise<string> {
  if (!isSea()) return packagedConfig;
  const copy = join(await temporaryFolder(cleanup), "umay.toml");
  await writeFile(copy, await readFile(packagedConfig));
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

async function startBackend(name: string, bind: string, cleanup: AsyncDisposableStack): Promise<EchoServer> {
  try {
    const server = await startEcho({ bind, name });
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

function portOf(bind: SocketAddress | undefined): number {
  return bind?.kind === "tcp" ? bind.port : 0;
}

/** The shortest path from the working folder, quoted where the shell needs it. */
function shellPath(path: string): string {
  const near = relative(process.cwd(), path);
  const short = near.startsWith(`..${sep}`) ? path : near;
  return /^[\w./-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}
