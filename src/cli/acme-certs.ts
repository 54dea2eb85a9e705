import type { Status } from "../control/tell/status/status.ts";
import { acmeTable } from "./acme-text.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";
import { loadOrExplain } from "./load.ts";

/** `umay certs --list`: the certificates that a running umay gets over ACME. */
export function listAcme(choice: AdminChoice): Promise<number> {
  return withAdmin<Status>(choice, { path: "/status" }, ({ acme }) => {
    process.stdout.write(acme.length === 0 ? "no listener has tls.acme\n" : `${acmeTable(acme)}\n`);
  });
}

/** `umay certs --revoke`: has the authority revoke the certificate of a name. A running umay orders another one. */
export async function revokeAcme(config: string | undefined, name: string): Promise<number> {
  const loaded = await loadOrExplain({ config });
  if (loaded === undefined) return exitCode.badConfig;
  const { acme, listeners } = loaded.model;
  const wanted = listeners
    .flatMap(({ tls }) => tls.flatMap((settings) => settings.acme?.certificates ?? []))
    .find(({ names }) => names.includes(name));
  if (acme === undefined || wanted === undefined) {
    printError(`no listener has ${name} in tls.acme`);
    return exitCode.usage;
  }
  try {
    const { revoke } = await import("../acme/revoke.ts");
    await revoke(acme, wanted.source);
    process.stdout.write(`the certificate for ${name} is revoked; a umay that runs orders another one\n`);
    return exitCode.good;
  } catch (error) {
    printError(`${name}: ${(error as Error).message}`);
    return exitCode.failed;
  }
}
