import { fieldIds } from "../../../../http/field-names.ts";
import { grpcStatusOf, grpcTimeoutOf, isGrpc, writeGrpcTimeout } from "../../../../http/grpc.ts";
import type { Fields, RequestHead, ResponseHead } from "../../../../http/message.ts";
import { type RetryTrigger, triggerOfCall } from "../../../../model/http/retry.ts";
import { type FieldChanges, replaceField } from "../heads.ts";

/** A request that is a call of gRPC: its caller says how long it waits, and its answer may begin late. */
export class GrpcCall {
  /** How long it may take as a whole, in milliseconds; undefined: nobody says so. */
  readonly time: number | undefined;
  /** The route gives it less time than the caller. */
  readonly #isCut: boolean;

  private constructor(asked: number | undefined, limit: number | undefined) {
    this.#isCut = limit !== undefined && (asked === undefined || limit < asked);
    this.time = this.#isCut ? limit : asked;
  }

  /** @param limit of the route, in milliseconds; undefined: none. @returns undefined: the request is no call. */
  static of({ method, fields }: RequestHead, limit: number | undefined): GrpcCall | undefined {
    if (method !== "POST" || !isGrpc(fields)) return undefined;
    return new GrpcCall(grpcTimeoutOf(fields), limit);
  }

  /** Why it may be made again: its answer has ended before a message. Undefined: it has not, or nobody asks for that. */
  failure({ status, fields }: ResponseHead): RetryTrigger | undefined {
    const own = status === 200 ? grpcStatusOf(fields) : undefined;
    return own === undefined ? undefined : triggerOfCall(own);
  }

  /** Tells the backend of a time that is shorter than the caller's. @param left in milliseconds. */
  tell(fields: Fields, edits: FieldChanges, left: number): void {
    if (!this.#isCut) return;
    replaceField(fields, fieldIds["grpc-timeout"], edits, `grpc-timeout: ${writeGrpcTimeout(left)}\r\n`);
  }
}
