/** The fields of W3C Trace Context, level 2: who called, and whether that is recorded. */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly parentId: string;
  readonly sampled: boolean;
}

/** `version-traceid-parentid-flags`; later versions may have more behind them (section 3.2.4). */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);

/** @returns undefined where it is none: a new trace begins then. */
export function parseTraceParent(value: string): TraceParent | undefined {
  const [, version, traceId = "", parentId = "", flags = "", more] = pattern.exec(value.slice(0, 256)) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (traceId === noTrace || parentId === noParent) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export const traceParent = (traceId: string, spanId: string, sampled: boolean): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
