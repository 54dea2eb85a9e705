import { isIP } from "node:net";
import { ensureDevCertificates, UnusableCertificates } from "./dev-certificates.ts";
import { exitCode, printError } from "./exit.ts";

export interface CertsOptions {
  readonly dir: string;
  readonly names: readonly string[];
  readonly days: number;
  readonly force: boolean;
}

/** A DNS name in ASCII, its first label possibly a wildcard. */
const dnsName = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/i;

/** `umay certs`: makes development certificates, or says that the existing ones are usable. */
export async function certs({ dir, names, days, force }: CertsOptions): Promise<number> {
  const wrong = names.find((name) => isIP(name) === 0 && !dnsName.test(name));
  if (wrong !== undefined) {
    printError(`--name ${wrong} is neither a DNS name (write others in punycode) nor an IP address`);
    return exitCode.usage;
  }
  try {
    const made = await ensureDevCertificates(dir, { names, days, force });
    const { ca, cert, key } = made.files;
    const what = made.created ? "made" : "kept; --force replaces them";
    process.stdout.write(
      `${cert}, ${key} (${what})\n  cover ${made.names}\n  are valid until ${made.notAfter.toISOString()}\n` +
        `  are trusted by clients that trust ${ca}\n`,
    );
    return exitCode.good;
  } catch (error) {
    const hint = error instanceof UnusableCertificates ? "; umay certs --force replaces the files" : "";
    printError(`${(error as Error).message}${hint}`);
    return exitCode.failed;
  }
}
