import { Slices } from "./slices.ts";

/** Characters of a piece. */
const pieceSize = 65_536;

/**
 * Makes a long text in pieces, each when it is asked for, so that it is never there as a whole; others have their turns in
 * between.
 * @param bits of it, each made in much less than a slice's time.
 */
export async function* inPieces(bits: Iterable<string>): AsyncGenerator<string> {
  const slices = new Slices();
  let text = "";
  for (const bit of bits) {
    text += bit;
    if (text.length >= pieceSize) {
      yield text;
      text = "";
    }
    if (slices.isOver) await slices.next();
  }
  if (text !== "") yield text;
}
