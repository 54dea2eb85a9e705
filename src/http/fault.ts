/** The reason why a message is refused, and the status that the client gets for it. */
export interface Fault {
  /** Of the answer to the client, where one can still be given. */
  readonly status: number;
  readonly reason: FaultReason;
  /** The exact fault of the message, a key of {@link details}. */
  readonly detail: Detail;
}

export type FaultReason =
  | "bad_request"
  | "method_refused"
  | "target_too_long"
  | "head_too_large"
  | "bad_response"
  | "response_head_too_large"
  | "backend_closed"
  | "backend_refused";

/** Everything that can be wrong with a message, in words that go on after "the request has" or "the response has". */
export const details = {
  above_root: "a path that leaves the root",
  bad_chunk: "a chunk whose size, extension or end is malformed",
  bad_content_length: "a Content-Length that is no number of 1 to 15 digits",
  bad_field_name: "a field name with a byte that is not allowed in it, or an empty one",
  bad_host: "a host that is malformed",
  bad_path: "a path with a byte that must be encoded",
  bad_percent: "a percent sign without two hexadecimal digits behind it, or %00",
  bad_request_line: "a malformed request line",
  bad_status: "a head that is none in HTTP/2",
  bad_status_line: "a malformed status line",
  bad_target: "a target that does not fit its method",
  bare_cr: "a carriage return without a line feed",
  bare_lf: "a line feed without a carriage return",
  blank_before_colon: "a blank between a field's name and its colon",
  chunk_extension_too_long: "a chunk extension that is too long",
  cl_te: "both Content-Length and Transfer-Encoding",
  cl_twice: "Content-Length twice",
  connection_field: "a Connection field that names what is not its to remove, or too much",
  control_byte: "a control byte",
  cut_short: "no end: the connection closed before",
  expectation: "an Expect field other than 100-continue",
  field_twice: "a field twice that may be there once",
  head_too_large: "a head that is too large",
  host_differs: "an authority that differs from Host",
  host_missing: "no Host",
  host_twice: "Host twice",
  http2_error: "no end: the peer broke a rule of HTTP/2 on its connection",
  method_refused: "a method that is not served",
  not_read: "not been read: the backend did not take it",
  obs_fold: "a field that goes on in the next line",
  stream_reset: "no end: its stream was reset before",
  surplus: "bytes behind its end",
  target_too_long: "a target that is too long",
  te_http10: "Transfer-Encoding in HTTP/1.0",
  te_twice: "Transfer-Encoding twice",
  te_unknown: "a transfer coding other than one chunked",
  too_many_fields: "too many fields",
  too_many_interim: "too many interim responses before it",
  trailers_too_large: "trailers that are too large",
  unasked: "come without a request",
  unasked_switch: "a switch of protocols that was not asked for",
  underscore_name: "a field name with an underscore",
  version_unsupported: "a version of HTTP that is not served",
} as const;

export type Detail = keyof typeof details;

/** Faults of a request that are not answered with 400 `bad_request` (RFC 9110 section 15). */
const requestAnswers: Partial<Record<Detail, readonly [status: number, reason: FaultReason]>> = {
  expectation: [417, "bad_request"],
  head_too_large: [431, "head_too_large"],
  method_refused: [405, "method_refused"],
  target_too_long: [414, "target_too_long"],
  te_unknown: [501, "bad_request"],
  too_many_fields: [431, "head_too_large"],
  version_unsupported: [505, "bad_request"],
};

const responseReasons: Partial<Record<Detail, FaultReason>> = {
  cut_short: "backend_closed",
  not_read: "backend_refused",
  stream_reset: "backend_closed",
  head_too_large: "response_head_too_large",
  too_many_fields: "response_head_too_large",
};

const all = Object.keys(details) as Detail[];

/** The fault of a request with this detail. */
export const requestFaults = Object.fromEntries(
  all.map((detail): [Detail, Fault] => {
    const [status, reason] = requestAnswers[detail] ?? [400, "bad_request"];
    return [detail, { status, reason, detail }];
  }),
) as Readonly<Record<Detail, Fault>>;

/** The fault of a backend's response with this detail. */
export const responseFaults = Object.fromEntries(
  all.map((detail): [Detail, Fault] => [
    detail,
    { status: 502, reason: responseReasons[detail] ?? "bad_response", detail },
  ]),
) as Readonly<Record<Detail, Fault>>;
