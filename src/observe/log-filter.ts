import type { LogFilter } from "../model/access-log.ts";
import { flagOf } from "./envoy-values.ts";
import type { RequestRecord } from "./request-log.ts";

/** Whether a request has a line. @param header of the request, by its name in lower case. */
export type TakesRequest = (record: RequestRecord, header: (name: string) => string | undefined) => boolean;

const comparisons = {
  eq: (value: number, wanted: number): boolean => value === wanted,
  ne: (value: number, wanted: number): boolean => value !== wanted,
  ge: (value: number, wanted: number): boolean => value >= wanted,
  le: (value: number, wanted: number): boolean => value <= wanted,
} as const;

export function compileFilter(filter: LogFilter): TakesRequest {
  switch (filter.kind) {
    case "all": {
      const parts = filter.of.map(compileFilter);
      return (record, header) => parts.every((takes) => takes(record, header));
    }
    case "some": {
      const parts = filter.of.map(compileFilter);
      return (record, header) => parts.some((takes) => takes(record, header));
    }
    case "status":
    case "duration": {
      const { kind, value } = filter;
      const compare = comparisons[filter.is];
      return (record) => compare(record[kind], value);
    }
    case "chance":
      return () => Math.random() * 100 < filter.percent;
    case "field": {
      const { name, value, not } = filter;
      return (_record, header) => {
        const found = header(name);
        return (found !== undefined && (value === undefined || found === value)) !== not;
      };
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
