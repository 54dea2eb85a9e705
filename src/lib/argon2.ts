/** An Argon2id hash (RFC 9106) with what it was made by. */
export interface Argon2id {
  /** In KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** The most that one password may cost: 128 MiB, and about a second of a processor. */
const most = { memory: 131_072, passes: 16, parallelism: 8 } as const;

const form =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,128})\$([A-Za-z0-9+/]{16,172})$/;

/** Reads PHC's form: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. @returns the hash, or what the text is instead. */
export function parseArgon2id(text: string): Argon2id | string {
  const [, memory = 0, passes = 0, parallelism = 0, salt = "", hash = ""] = form.exec(text) ?? [];
  if (hash === "") return 'no Argon2id hash of version 19, such as "$argon2id$v=19$m=19456,t=2,p=1$…$…"';
  const numbers = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  if (numbers.parallelism < 1 || numbers.passes < 1 || numbers.memory < 8 * numbers.parallelism)
    return "an Argon2id hash with parameters that RFC 9106 does not allow";
  if (numbers.memory > most.memory || numbers.passes > most.passes || numbers.parallelism > most.parallelism)
    return `an Argon2id hash that costs too much; at most m=${most.memory}, t=${most.passes}, p=${most.parallelism} is taken`;
  return { ...numbers, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}
