import { createHash } from "node:crypto";
import { join } from "node:path";

/** The folder of a storage that has what one authority knows: accounts and certificates of others do not mix with it. */
export function authorityFolder(storage: string, directory: string): string {
  const id = createHash("sha256").update(directory).digest("hex").slice(0, 8);
  // A host of a URL; its port would not do on every file system.
  return join(storage, `${new URL(directory).hostname.replaceAll(/[^a-z0-9.-]/g, "")}-${id}`);
}

/** A name as the files of its certificate have it: not every file system takes an asterisk, and no host has a plus sign. */
export const fileNameOf = (name: string): string => name.replace("*", "+");

/** The file with the chain of a name and its key. One file, so that nobody ever sees the one without the other. */
export function certificateFile(storage: string, directory: string, name: string): string {
  return join(authorityFolder(storage, directory), "certificates", `${fileNameOf(name)}.pem`);
}
