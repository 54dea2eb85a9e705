/** The statuses of gRPC by their numbers (its `doc/statuscodes.md`). */
export const grpcStatusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The one that stands for all that have no name. */
export const unknownGrpcStatus = 2;

/** Of the status of an answer that says nothing of gRPC (`doc/http-grpc-status-mapping.md` of gRPC). */
const ofHttp: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** The status of gRPC that a caller makes of a status of HTTP, where nothing else is said. */
export const grpcStatusOfHttp = (status: number): number => ofHttp[status] ?? unknownGrpcStatus;
