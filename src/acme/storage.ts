import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readWhole } from "../lib/read-file.ts";
import { authorityFolder, fileNameOf } from "../material/acme-paths.ts";
import type { Challenge, DnsRecord } from "../model/acme.ts";
import { AccountKey } from "./jws.ts";

/** How tries for one name went. */
export interface Tries {
  /** In a row, that failed. */
  readonly failures: number;
  /** No try before this time, in milliseconds since 1970. */
  readonly notBefore: number;
  /** Why the last one failed; empty: it did not. */
  readonly error: string;
}

export const noTries: Tries = { failures: 0, notBefore: 0, error: "" };

const mostBytes = 64 * 1024;
/** Whoever holds the lock says so again within this time, else it is another's, in milliseconds. */
const lockTime = 120_000;
/** Within this time everybody has tried who wants a lock that was left behind, in milliseconds. */
const contention = 2_000;
/** A challenge that nobody took away is of a machine that died, in milliseconds. */
const oldestChallenge = 600_000;
/** More challenges than one authority can ask for at a time. */
const mostChallenges = 1_000;

/**
 * The folder of one authority. Several machines may share it, so a file is written beside its place and renamed, and only
 * the holder of the lock orders certificates. Nobody but the user that umay runs as can read a file of it.
 */
export class Storage {
  readonly #folder: string;
  readonly #id = `${hostname()} ${process.pid} ${randomUUID()}`;

  constructor(storage: string, directory: string) {
    this.#folder = authorityFolder(storage, directory);
  }

  /** The account's key, which is made where there is none, and its URL. */
  async account(): Promise<{ readonly key: AccountKey; readonly url: string | undefined }> {
    const file = join(this.#folder, "account.pem");
    const pem = await readIfThere(file);
    if (pem === undefined) await writeOnce(file, AccountKey.generate());
    const key = new AccountKey(pem ?? (await readIfThere(file)) ?? "");
    const url = (await readIfThere(join(this.#folder, "account.url")))?.trim();
    return { key, url };
  }

  async setAccountUrl(url: string): Promise<void> {
    await write(join(this.#folder, "account.url"), `${url}\n`);
  }

  /** The authority does not know the account any more. */
  async forgetAccountUrl(): Promise<void> {
    await rm(join(this.#folder, "account.url"), { force: true });
  }

  async tries(name: string): Promise<Tries> {
    try {
      const { failures, notBefore, error } = JSON.parse(
        (await readIfThere(this.#triesOf(name))) ?? "",
      ) as Tries;
      if (Number.isSafeInteger(failures) && Number.isFinite(notBefore))
        return { failures, notBefore, error: String(error) };
    } catch {
      // Of an older version, or cut short by a full disk: it counts for nothing.
    }
    return noTries;
  }

  async setTries(name: string, tries: Tries): Promise<void> {
    if (tries.failures === 0) await rm(this.#triesOf(name), { force: true });
    else await write(this.#triesOf(name), JSON.stringify(tries));
  }

  /** @param file of {@link certificateFile}. */
  async setCertificate(file: string, pem: string): Promise<void> {
    await write(file, pem);
  }

  /** Has other machines show a challenge, too, or know of a record. */
  async show(challenge: Challenge | DnsRecord): Promise<void> {
    await write(this.#challengeOf(challenge), JSON.stringify(challenge));
  }

  async hide(challenge: Challenge | DnsRecord): Promise<void> {
    await rm(this.#challengeOf(challenge), { force: true });
  }

  /** The challenges that any machine shows. */
  async challenges(): Promise<readonly Challenge[]> {
    return this.#shown(challengeOf, (file) => !isRecord(file));
  }

  /** The records that are set, or were left behind. */
  async records(): Promise<readonly DnsRecord[]> {
    return this.#shown(recordOf, isRecord);
  }

  async #shown<T>(
    read: (value: Fields) => T | undefined,
    isOne: (file: string) => boolean,
  ): Promise<readonly T[]> {
    const folder = join(this.#folder, "challenges");
    const files = await readdir(folder).catch(() => []);
    const found: T[] = [];
    for (const file of files
      .filter((file) => file.endsWith(".json") && isOne(file))
      .sort()
      .slice(0, mostChallenges)) {
      try {
        const one = read(JSON.parse((await readIfThere(join(folder, file))) ?? ""));
        if (one !== undefined) found.push(one);
      } catch {
        // It was taken away meanwhile.
      }
    }
    return found;
  }

  /** Takes away what machines that died have left behind, but for records, which have to be unset first. */
  async tidy(): Promise<void> {
    const folder = join(this.#folder, "challenges");
    for (const file of await readdir(folder).catch(() => [])) {
      if (isRecord(file)) continue;
      const found = await stat(join(folder, file)).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs > oldestChallenge)
        await rm(join(folder, file), { force: true });
    }
  }

  /** @returns whether this process may order certificates now; it must {@link keep} the lock, and give it back. */
  async lock(): Promise<boolean> {
    const file = this.#lockFile;
    if (await writeOnce(file, this.#id)) return true;
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs < lockTime) return false;
    // Its holder is gone. Of several that find that out, the one whose name stands there in the end has it.
    await write(file, this.#id);
    await sleep(contention);
    return this.#holds();
  }

  /** Says that the lock is still held. @returns false where another has taken it. */
  async keep(): Promise<boolean> {
    if (!(await this.#holds())) return false;
    await write(this.#lockFile, this.#id);
    return true;
  }

  async unlock(): Promise<void> {
    if (await this.#holds()) await rm(this.#lockFile, { force: true });
  }

  async #holds(): Promise<boolean> {
    return (await readIfThere(this.#lockFile)) === this.#id;
  }

  get #lockFile(): string {
    return join(this.#folder, "lock");
  }

  #triesOf(name: string): string {
    return join(this.#folder, "certificates", `${fileNameOf(name)}.json`);
  }

  #challengeOf(challenge: Challenge | DnsRecord): string {
    const { type } = challenge;
    const id = type === "http-01" ? challenge.token : type === "dns-01" ? challenge.value : challenge.name;
    return join(this.#folder, "challenges", `${type}.${id}.json`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (file: string): boolean => file.startsWith("dns-01.");

const are = (...values: readonly unknown[]): boolean => values.every((each) => typeof each === "string");

/** Files of another version of umay may have something else in them. */
function challengeOf(value: Fields): Challenge | undefined {
  const { type, name, token, answer, cert, key } = value;
  const good = type === "http-01" ? are(name, token, answer) : type === "tls-alpn-01" && are(name, cert, key);
  return good ? (value as unknown as Challenge) : undefined;
}

function recordOf(value: Fields): DnsRecord | undefined {
  return are(value["name"], value["value"]) ? (value as unknown as DnsRecord) : undefined;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readWhole(file, mostBytes)).toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A reader sees the old file or the new one, never a part. A file that was written survives a loss of power. */
async function write(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomUUID().slice(0, 8)}.new`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await create(draft, text);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** @returns false where there is one already. */
async function writeOnce(file: string, text: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await create(file, text);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function create(file: string, text: string): Promise<void> {
  await using handle = await open(file, "wx", 0o600);
  await handle.writeFile(text);
  await handle.sync();
}
