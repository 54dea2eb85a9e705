import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";

const folder = resolve(import.meta.dirname, "../captures");

/** The first bytes that real programs sent, by the name of the file. */
export function captures(kind: "hello" | "header"): ReadonlyMap<string, Buffer> {
  const files = readdirSync(folder).filter((file) => file.startsWith(`${kind}-`));
  return new Map(
    files.map((file) => {
      const text = readFileSync(resolve(folder, file), "latin1");
      return [file.slice(0, -".hex".length), Buffer.from(text.replaceAll("\n", ""), "hex")];
    }),
  );
}

export type Mutation = (bytes: Buffer) => Buffer;

const places = 65_536;
/** Evenly spread: doubles, and integers with a bias, are mostly near 0, which spoils the first bytes and nothing else. */
const anywhere = fc.noBias(fc.nat(places - 1));
const at = (bytes: Buffer, where: number): number => Math.floor((where / places) * bytes.length);

/** Changes a byte, which may well be a length; puts bytes in, takes some out, says some twice, cuts the end off. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(anywhere, fc.nat(255)).map(
    ([where, value]): Mutation =>
      (bytes) => {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[at(bytes, where)] = value;
        return changed;
      },
  ),
  fc.tuple(anywhere, fc.uint8Array({ maxLength: 40 })).map(
    ([where, added]): Mutation =>
      (bytes) =>
        Buffer.concat([bytes.subarray(0, at(bytes, where)), added, bytes.subarray(at(bytes, where))]),
  ),
  fc.tuple(anywhere, fc.integer({ min: -20, max: 40 })).map(
    ([where, skipped]): Mutation =>
      (bytes) => {
        const from = at(bytes, where);
        return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.max(0, from + skipped))]);
      },
  ),
  anywhere.map(
    (where): Mutation =>
      (bytes) =>
        bytes.subarray(0, at(bytes, where)),
  ),
);

/** One of these, mutated up to four times. */
export function mutationsOf(originals: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(mutation, { maxLength: 4 }))
    .map(([bytes, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), bytes));
}
