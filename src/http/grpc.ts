import { fieldIds } from "./field-names.ts";
import type { Fields } from "./message.ts";

/*
 * The fields of gRPC in a request ("gRPC over HTTP2", PROTOCOL-HTTP2.md of the gRPC project).
 */

const { "content-type": contentType, "grpc-status": statusField, "grpc-timeout": timeoutField } = fieldIds;

/** Whether a request is a call. */
export function isGrpc(fields: Fields): boolean {
  const at = fields.find(contentType);
  return at >= 0 && isGrpcType(fields.value(at));
}

/** @param type of a Content-Type field. */
export const isGrpcType = (type: string): boolean => type.toLowerCase().startsWith("application/grpc");

/** In milliseconds. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const mostDigits = 8;

/** How long the caller will wait, in milliseconds. @returns undefined: it does not say so, or in no form that counts. */
export function grpcTimeoutOf(fields: Fields): number | undefined {
  const at = fields.find(timeoutField);
  return at < 0 ? undefined : readGrpcTimeout(fields.value(at));
}

/** @param text 1 to 8 digits and a unit. */
export function readGrpcTimeout(text: string): number | undefined {
  const digits = text.length - 1;
  const unit = units[text[digits] ?? ""];
  if (unit === undefined || digits < 1 || digits > mostDigits) return undefined;
  let value = 0;
  for (let at = 0; at < digits; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value * unit;
}

/** Envoy's number for a status that is none. */
const invalidStatus = -1;

/** The status of a call in its trailers, or in a head that nothing follows. @returns undefined: it is not there; -1: it is no number. */
export function grpcStatusOf(fields: Fields): number | undefined {
  const at = fields.find(statusField);
  if (at < 0) return undefined;
  const text = fields.value(at);
  if (text === "") return undefined;
  return /^\+?\d{1,15}$/.test(text) ? Number(text) : invalidStatus;
}

/** A time as a text of `grpc-timeout`: in milliseconds, or in seconds or minutes where these have too many digits. @param time in milliseconds. */
export function writeGrpcTimeout(time: number): string {
  const left = Math.max(0, Math.ceil(time));
  if (left < 1e8) return `${left}m`;
  const seconds = Math.ceil(left / 1_000);
  return seconds < 1e8 ? `${seconds}S` : `${Math.min(Math.ceil(seconds / 60), 1e8 - 1)}M`;
}
