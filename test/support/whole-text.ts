import { text } from "node:stream/consumers";

/** A text that is made in pieces, as a whole. */
export const wholeText = async (body: string | AsyncIterable<string>): Promise<string> =>
  typeof body === "string" ? body : text(body as unknown as NodeJS.ReadableStream);
