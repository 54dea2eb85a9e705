import fc from "fast-check";

const surrogates = { first: 0xd800, count: 0x800 } as const;

/** Strings of any code points. The `binary` unit of fast-check has the same, and takes a second of CPU time to be made. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc
    .nat(0x10ffff - surrogates.count)
    .map((place) => String.fromCodePoint(place < surrogates.first ? place : place + surrogates.count)),
});
