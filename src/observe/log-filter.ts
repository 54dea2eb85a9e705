import { regexes } from "../lib/regex.ts";
import type { LogFilter } from "../model/access-log.ts";
import { unknownGrpcStatus } from "../model/grpc-status.ts";
import { compileValueTest } from "../model/http/text-test.ts";
import { flagOf, grpcStatusOf } from "./envoy-values.ts";
import type { LoggedRequest, RequestRecord } from "./request-log.ts";

/** Whether a request has a line. @param request undefined: it was not read. */
export type TakesRequest = (record: RequestRecord, request: LoggedRequest | undefined) => boolean;

const comparisons = {
  eq: (value: number, wanted: number): boolean => value === wanted,
  ne: (value: number, wanted: number): boolean => value !== wanted,
  ge: (value: number, wanted: number): boolean => value >= wanted,
  le: (value: number, wanted: number): boolean => value <= wanted,
} as const;

/** @throws where it has a regular expression, and `loadRegexes` was not awaited. */
export function compileFilter(filter: LogFilter): TakesRequest {
  switch (filter.kind) {
    case "all": {
      const parts = filter.of.map(compileFilter);
      return (record, request) => parts.every((takes) => takes(record, request));
    }
    case "some": {
      const parts = filter.of.map(compileFilter);
      return (record, request) => parts.some((takes) => takes(record, request));
    }
    case "status":
    case "duration": {
      const { kind, value } = filter;
      const compare = comparisons[filter.is];
      return (record) => compare(record[kind], value);
    }
    case "chance":
      return () => Math.random() * 100 < filter.percent;
    case "traced":
      return (_record, request) => request?.isTraced === true;
    case "field": {
      const { match } = filter;
      const takes = compileValueTest(match, (...of) => regexes().whole(...of));
      return (_record, request) => takes(request?.header(match.name));
    }
    case "grpc": {
      const { statuses, not } = filter;
      return (record) => statuses.includes(grpcStatusOf(record) ?? unknownGrpcStatus) !== not;
    }
    case "flags": {
      const { flags } = filter;
      return (record) => {
        const flag = flagOf(record);
        return flag !== undefined && (flags.length === 0 || flags.includes(flag));
      };
    }
  }
}
