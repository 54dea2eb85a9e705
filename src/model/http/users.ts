import type { FileSource } from "../material.ts";

/** How a password was hashed: bcrypt (`$2y$`), or Argon2id (RFC 9106) in PHC's form. */
export type PasswordHash = { readonly kind: "bcrypt" | "argon2id"; readonly text: string };

/** The password of each user, at least one. */
export interface Users {
  readonly source: FileSource;
  readonly hashes: ReadonlyMap<string, PasswordHash>;
}
