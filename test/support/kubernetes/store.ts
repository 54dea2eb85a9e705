import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

/** An object as a test writes it. */
export interface TestObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [key: string]: unknown;
  };
  readonly status?: unknown;
  readonly [key: string]: unknown;
}

export interface Stored extends TestObject {
  readonly metadata: TestObject["metadata"] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
  };
}

export interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** `group/plural`. */
  readonly collection: string;
  readonly object: Stored;
}

/** Objects by collection, and what has happened to them. */
export class ObjectStore {
  version = 1;
  /** Changes behind this version are known. */
  oldest = 0;
  history: Change[] = [];
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #changed: (change: Change) => void;

  constructor(changed: (change: Change) => void) {
    this.#changed = changed;
  }

  /** @param collection such as `v1/services`. */
  of(collection: string): Map<string, Stored> {
    const found = this.#objects.get(collection) ?? new Map<string, Stored>();
    this.#objects.set(collection, found);
    return found;
  }

  put(collection: string, object: TestObject): Stored {
    const key = keyOf(object);
    const before = this.of(collection).get(key);
    const isSame = before !== undefined && isDeepStrictEqual(bodyOf(before), bodyOf(object));
    const stored: Stored = {
      ...object,
      metadata: {
        ...object.metadata,
        creationTimestamp:
          before?.metadata["creationTimestamp"] ?? new Date().toISOString().replace(/\.\d+/, ""),
        uid: before?.metadata.uid ?? randomUUID(),
        generation: (before?.metadata.generation ?? 0) + (isSame ? 0 : 1),
        resourceVersion: String(++this.version),
      },
    };
    this.of(collection).set(key, stored);
    this.#note(before === undefined ? "ADDED" : "MODIFIED", collection, stored);
    return stored;
  }

  /** @returns the object as it was; undefined: there was none. */
  remove(collection: string, key: string): Stored | undefined {
    const object = this.of(collection).get(key);
    if (object === undefined) return undefined;
    this.of(collection).delete(key);
    const metadata = { ...object.metadata, resourceVersion: String(++this.version) };
    this.#note("DELETED", collection, { ...object, metadata });
    return object;
  }

  #note(type: Change["type"], collection: string, object: Stored): void {
    const change = { version: this.version, type, collection, object };
    this.history.push(change);
    this.#changed(change);
  }
}

export const keyOf = ({ metadata: { namespace, name } }: TestObject): string =>
  namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;

/** The part of an object whose changes the generation counts. */
const bodyOf = ({ metadata: _, status: __, apiVersion: ___, kind: ____, ...body }: TestObject): object =>
  body;

/** As RFC 7386 has it. */
export function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = Array.isArray(target) ? {} : { ...(target as object) };
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  return result;
}
