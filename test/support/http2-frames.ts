const frame = (type: number, stream: number, payload: string): string => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head.writeUInt32BE(stream, 5);
  return head.toString("latin1") + payload;
};

/** The first frame of a backend of HTTP/2, which takes what any may (RFC 9113 section 6.5); frames are in Latin-1. */
export const settings = frame(4, 0, "");

/** An error of the backend's own (RFC 9113 section 7). */
export const resetStream = (stream: number): string => frame(3, stream, "\0\0\0\x02");

/** The backend has not looked at the request (RFC 9113 section 8.7). */
export const refusedStream = (stream: number): string => frame(3, stream, "\0\0\0\x07");

/** The backend takes no more requests, and has looked at those up to this one (RFC 9113 section 6.8). */
export const goAway = (last: number): string => frame(7, 0, `\0\0\0${String.fromCharCode(last)}\0\0\0\0`);

/** SETTINGS_MAX_CONCURRENT_STREAMS of 0 (RFC 9113 section 6.5.2). */
export const takesNone = frame(4, 0, "\0\x03\0\0\0\0");
