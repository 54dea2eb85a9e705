import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/lib/proxy-protocol/crc32c.ts";

const counting = Uint8Array.from({ length: 32 }, (_, index) => index);
/** A SCSI Read (10) command PDU: bytes 0 to 47, as RFC 3720 appendix B.4 has it. */
const scsiRead = Buffer.from(
  `01c00000${"00".repeat(12)}1400000000000400000000140000001828000000000000000200000000000000`,
  "hex",
);

test("the examples of RFC 3720 appendix B.4 have the checksums that it gives", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(counting), 0x46dd794e);
  assert.equal(crc32c(counting.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(scsiRead), 0xd9963a56);
});

test("the check value of CRC-32C comes out, and no bytes have the checksum 0", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

test("a checksum can be taken in parts", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      assert.equal(crc32c(second, crc32c(first)), crc32c(Buffer.concat([first, second])));
    }),
  );
});
