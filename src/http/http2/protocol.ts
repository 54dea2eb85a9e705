/** Kinds of frames: RFC 9113 section 6, RFC 9218 section 7.1. */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  reset: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
  priorityUpdate: 0x10,
} as const;

export const flag = {
  endStream: 0x01,
  ack: 0x01,
  endHeaders: 0x04,
  padded: 0x08,
  priority: 0x20,
} as const;

/** RFC 9113 section 7. */
export const errorCode = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refused: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  calm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

const codeNames = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

export const codeName = (code: number): string => codeNames[code] ?? `error ${code}`;

/** The first bytes of a client (RFC 9113 section 3.4). */
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const frameHead = 9;
/** The largest payload that both sides take without having said so; umay never takes or sends a larger one. */
export const mostPayload = 16_384;
/** Of a window, in bytes, and of a stream's id (RFC 9113 sections 5.1.1 and 6.9.1). */
export const most31 = 0x7fffffff;
/** A window's size before anything else was agreed on (RFC 9113 section 6.9.2). */
export const firstWindow = 65_535;

/** The peer broke a rule or a limit; the connection can't go on (RFC 9113 section 5.4.1). */
export class ConnectionError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
