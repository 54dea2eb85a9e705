import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { describeReadError, mebibyte, readWhole } from "../../lib/read-file.ts";
import type { XdsCache, XdsNode } from "../../model/xds.ts";
import { type Kind, kindNames, type Received } from "./resources.ts";

/** The largest file that is read, in bytes. */
const largest = 512 * mebibyte;

/** A resource as it is kept. */
export interface Kept extends Received {
  readonly kind: Kind;
  /** The key of the place that it came from. */
  readonly origin: string;
}

/** The begin of the file, with how the rest of it stands there. */
const heads = { clear: "umay xds 1 clear\n", encrypted: "umay xds 1 aes-256-gcm\n" } as const;
const [ivLength, tagLength, hashLength] = [12, 16, 32];

/** The head of the file, before the bytes of all resources, one after the other. */
interface Index {
  readonly node: { readonly id: string; readonly cluster: string };
  /** Kind, place, name, version and number of bytes of each. */
  readonly resources: readonly (readonly [string, string, string, string, number])[];
}

/**
 * The file in which the last good state of a control plane outlives a restart. Only its owner may read it. It is written
 * beside its place and then put there, so that it is never half of one.
 */
export class CacheFile {
  readonly #settings: XdsCache;
  readonly #node: Index["node"];

  constructor(settings: XdsCache, { id, cluster }: XdsNode) {
    this.#settings = settings;
    this.#node = { id, cluster };
  }

  /** Whether the file has no secrets, so that resources with one are to be left out. */
  get omitsSecrets(): boolean {
    return this.#settings.secrets === "omit";
  }

  /** @returns the kept resources, none where there is no file yet. @throws Error that says why it can't be used. */
  async load(): Promise<readonly Kept[]> {
    const { file } = this.#settings;
    let bytes: Buffer;
    try {
      bytes = await readWhole(file, largest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw new Error(`${file} ${describeReadError(error)}`, { cause: error });
    }
    return this.#unpack(await this.#open(bytes));
  }

  async save(resources: readonly Kept[]): Promise<void> {
    const { file } = this.#settings;
    const content = await this.#seal(pack(this.#node, resources));
    const fresh = `${file}.new`;
    // It may be left from a process that was ended while it wrote.
    await rm(fresh, { force: true });
    const handle = await open(fresh, "wx", 0o600);
    try {
      // One after the other, and each as a whole: writev may write a part.
      for (const part of content) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  }

  async #seal(body: Buffer): Promise<readonly Buffer[]> {
    const key = await this.#key();
    if (key === undefined) return [Buffer.from(heads.clear), hashOf(body), body];
    const iv = randomBytes(ivLength);
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    const sealed = [cipher.update(body), cipher.final()];
    return [Buffer.from(heads.encrypted), iv, cipher.getAuthTag(), ...sealed];
  }

  async #open(bytes: Buffer): Promise<Buffer> {
    const { file } = this.#settings;
    const key = await this.#key();
    const head = key === undefined ? heads.clear : heads.encrypted;
    if (!bytes.subarray(0, head.length).equals(Buffer.from(head)))
      throw new Error(`${file} is no cache of umay's, or one that was written with other settings`);
    const rest = bytes.subarray(head.length);
    if (key === undefined) {
      const body = rest.subarray(hashLength);
      if (!hashOf(body).equals(rest.subarray(0, hashLength))) throw new Error(`${file} is damaged`);
      return body;
    }
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, rest.subarray(0, ivLength));
      decipher.setAuthTag(rest.subarray(ivLength, ivLength + tagLength));
      return Buffer.concat([decipher.update(rest.subarray(ivLength + tagLength)), decipher.final()]);
    } catch (error) {
      throw new Error(`${file} is damaged, or was encrypted with another key`, { cause: error });
    }
  }

  /** Undefined: it is not encrypted. */
  async #key(): Promise<Buffer | undefined> {
    const { keyFile } = this.#settings;
    return keyFile === undefined ? undefined : readCacheKey(keyFile);
  }

  #unpack(body: Buffer): readonly Kept[] {
    const { file } = this.#settings;
    const end = 4 + body.readUInt32BE(0);
    const { node, resources } = JSON.parse(body.toString("utf8", 4, end)) as Index;
    if (node.id !== this.#node.id || node.cluster !== this.#node.cluster)
      throw new Error(`${file} is of node ${node.id} in ${node.cluster}, and this is another one`);
    let at = end;
    return resources.flatMap(([kind, origin, name, version, length]) => {
      const bytes = body.subarray(at, at + length);
      at += length;
      return isKind(kind) ? [{ kind, origin, name, version, bytes }] : [];
    });
  }
}

const isKind = (text: string): text is Kind => (kindNames as readonly string[]).includes(text);

function pack(node: Index["node"], resources: readonly Kept[]): Buffer {
  const index: Index = {
    node,
    resources: resources.map(({ kind, origin, name, version, bytes }) => [
      kind,
      origin,
      name,
      version,
      bytes.length,
    ]),
  };
  const text = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, ...resources.map(({ bytes }) => bytes)]);
}

const hashOf = (body: Buffer): Buffer => createHash("sha256").update(body).digest();

/** Reads a key of 32 bytes: as they are, in hexadecimal digits or in base64. @throws Error that says why it can't be used. */
export async function readCacheKey(file: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readWhole(file, 1_024);
  } catch (error) {
    throw new Error(`${file} ${describeReadError(error)}`, { cause: error });
  }
  const text = bytes.toString("latin1").trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, "base64");
  if (bytes.length === 32) return bytes;
  throw new Error(`${file} has no key; expected 32 bytes, as they are or in hexadecimal digits or base64`);
}
