/** Filters for HTTP, and their settings for routes. See {@link readTable} for the form. */
export const filterTable = `
message envoy.config.route.v3.FilterConfig
1 config any
2 is_optional bool - a filter that there is not is told of anyway
3 disabled bool

message envoy.extensions.filters.http.buffer.v3.Buffer
1 max_request_bytes UInt32Value

message envoy.extensions.filters.http.buffer.v3.BufferPerRoute
1 disabled bool
2 buffer envoy.extensions.filters.http.buffer.v3.Buffer

message envoy.extensions.filters.http.stateful_session.v3.StatefulSession
1 session_state envoy.config.core.v3.TypedExtensionConfig
2 strict bool
3 stat_prefix string - the name counts
4 status_on_strict_destination_not_found uint32 ! the answer is 503

message envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute
1 disabled bool
2 stateful_session envoy.extensions.filters.http.stateful_session.v3.StatefulSession

message envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState
1 cookie envoy.type.http.v3.Cookie

message envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState
1 name string

message envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState
1 header envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState.Header

message envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState.Header
1 name string

message envoy.type.http.v3.Cookie
1 name string
2 ttl duration
3 path string
4 attributes message[] ! the cookie has HttpOnly, SameSite=Lax and, over TLS, Secure

message envoy.extensions.filters.http.header_mutation.v3.Mutations
1 request_mutations envoy.config.common.mutation_rules.v3.HeaderMutation[]
2 response_mutations envoy.config.common.mutation_rules.v3.HeaderMutation[]
3 query_parameter_mutations message[] x
4 response_trailers_mutations envoy.config.common.mutation_rules.v3.HeaderMutation[]
5 request_trailers_mutations envoy.config.common.mutation_rules.v3.HeaderMutation[]
6 formatters envoy.config.core.v3.TypedExtensionConfig[] x umay runs no plug-ins

message envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
1 mutations envoy.extensions.filters.http.header_mutation.v3.Mutations
2 most_specific_header_mutations_wins bool

message envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute
1 mutations envoy.extensions.filters.http.header_mutation.v3.Mutations

message envoy.config.common.mutation_rules.v3.HeaderMutation
1 remove string
2 append envoy.config.core.v3.HeaderValueOption
3 remove_on_match envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch

message envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch
1 key_matcher envoy.type.matcher.v3.StringMatcher

message envoy.extensions.filters.http.compressor.v3.Compressor
1 content_length UInt32Value x it is deprecated; use response_direction_config
2 content_type string[] x it is deprecated; use response_direction_config
3 disable_on_etag_header bool - umay leaves alone what may not be changed
4 remove_accept_encoding_header bool - umay leaves alone what may not be changed
5 runtime_enabled message x it is deprecated; use response_direction_config
6 compressor_library envoy.config.core.v3.TypedExtensionConfig
7 request_direction_config message ! requests are not compressed
8 response_direction_config envoy.extensions.filters.http.compressor.v3.Compressor.ResponseDirectionConfig
9 choose_first bool - the client's weights count, and then umay's order

message envoy.extensions.filters.http.compressor.v3.Compressor.CommonDirectionConfig
1 enabled envoy.config.core.v3.RuntimeFeatureFlag
2 min_content_length UInt32Value
3 content_type string[]
4 content_type_matcher message[] x use content_type

message envoy.extensions.filters.http.compressor.v3.Compressor.ResponseDirectionConfig
1 common_config envoy.extensions.filters.http.compressor.v3.Compressor.CommonDirectionConfig
2 disable_on_etag_header bool - umay leaves alone what may not be changed
3 remove_accept_encoding_header bool - umay leaves alone what may not be changed
4 uncompressible_response_codes uint32[] - umay leaves alone what may not be changed
5 status_header_enabled bool - umay leaves alone what may not be changed
6 weaken_etag_on_compress bool - always done

message envoy.extensions.filters.http.compressor.v3.CompressorPerRoute
1 disabled bool
2 overrides message ! the filter's own settings count

message envoy.extensions.compression.gzip.compressor.v3.Gzip
1 memory_level UInt32Value - umay chooses the effort
2 compression_level int32 - umay chooses the effort
3 compression_strategy int32 - umay chooses the effort
4 window_bits UInt32Value - umay chooses the effort
5 chunk_size UInt32Value - umay chooses the effort

message envoy.extensions.compression.brotli.compressor.v3.Brotli
1 quality UInt32Value - umay chooses the effort
2 encoder_mode int32 - umay chooses the effort
3 window_bits UInt32Value - umay chooses the effort
4 input_block_bits UInt32Value - umay chooses the effort
5 chunk_size UInt32Value - umay chooses the effort
6 disable_literal_context_modeling bool - umay chooses the effort

message envoy.extensions.compression.zstd.compressor.v3.Zstd
1 compression_level UInt32Value - umay chooses the effort
2 enable_checksum bool - umay chooses the effort
3 strategy int32 - umay chooses the effort
4 dictionary message - umay chooses the effort
5 chunk_size UInt32Value - umay chooses the effort

message envoy.extensions.filters.http.cors.v3.Cors

message envoy.extensions.filters.http.cors.v3.CorsPolicy
1 allow_origin_string_match envoy.type.matcher.v3.StringMatcher[]
2 allow_methods string
3 allow_headers string
4 expose_headers string
5 max_age string
6 allow_credentials BoolValue
7 filter_enabled envoy.config.core.v3.RuntimeFractionalPercent
8 shadow_enabled message - nothing is tried out
9 allow_private_network_access BoolValue ! browsers are not told of private networks
10 forward_not_matching_preflights BoolValue ! preflights are answered by umay

message envoy.extensions.filters.http.csrf.v3.CsrfPolicy
1 filter_enabled envoy.config.core.v3.RuntimeFractionalPercent
2 shadow_enabled message - nothing is tried out
3 additional_origins envoy.type.matcher.v3.StringMatcher[]

message envoy.type.v3.HttpStatus
1 code envoy.type.v3.StatusCode

enum envoy.type.v3.StatusCode
0 Empty
100 Continue
200 OK
201 Created
202 Accepted
203 NonAuthoritativeInformation
204 NoContent
205 ResetContent
206 PartialContent
207 MultiStatus
208 AlreadyReported
226 IMUsed
300 MultipleChoices
301 MovedPermanently
302 Found
303 SeeOther
304 NotModified
305 UseProxy
307 TemporaryRedirect
308 PermanentRedirect
400 BadRequest
401 Unauthorized
402 PaymentRequired
403 Forbidden
404 NotFound
405 MethodNotAllowed
406 NotAcceptable
407 ProxyAuthenticationRequired
408 RequestTimeout
409 Conflict
410 Gone
411 LengthRequired
412 PreconditionFailed
413 PayloadTooLarge
414 URITooLong
415 UnsupportedMediaType
416 RangeNotSatisfiable
417 ExpectationFailed
421 MisdirectedRequest
422 UnprocessableEntity
423 Locked
424 FailedDependency
426 UpgradeRequired
428 PreconditionRequired
429 TooManyRequests
431 RequestHeaderFieldsTooLarge
500 InternalServerError
501 NotImplemented
502 BadGateway
503 ServiceUnavailable
504 GatewayTimeout
505 HTTPVersionNotSupported
506 VariantAlsoNegotiates
507 InsufficientStorage
508 LoopDetected
510 NotExtended
511 NetworkAuthenticationRequired

message envoy.extensions.filters.http.health_check.v3.HealthCheck
1 pass_through_mode BoolValue
3 cache_time duration ! umay answers for itself
4 cluster_min_healthy_percentages message{} ! umay answers for itself
5 headers envoy.config.route.v3.HeaderMatcher[]

message envoy.extensions.filters.http.grpc_stats.v3.FilterConfig
1 emit_filter_state bool - umay counts its own
2 individual_method_stats_allowlist message - umay counts its own
3 stats_for_all_methods BoolValue - umay counts its own
4 enable_upstream_stats bool - umay counts its own
5 replace_dots_in_grpc_service_name bool - umay counts its own

message envoy.extensions.filters.http.fault.v3.HTTPFault
1 delay envoy.extensions.filters.common.fault.v3.FaultDelay
2 abort envoy.extensions.filters.http.fault.v3.FaultAbort
3 upstream_cluster string
4 headers envoy.config.route.v3.HeaderMatcher[]
5 downstream_nodes string[]
6 max_active_faults UInt32Value
7 response_rate_limit message x answers are not slowed down
8 delay_percent_runtime string - there are no runtime keys
9 abort_percent_runtime string - there are no runtime keys
10 delay_duration_runtime string - there are no runtime keys
11 abort_http_status_runtime string - there are no runtime keys
12 max_active_faults_runtime string - there are no runtime keys
13 response_rate_limit_percent_runtime string - there are no runtime keys
14 abort_grpc_status_runtime string - there are no runtime keys
15 disable_downstream_cluster_stats bool - umay counts its own
16 filter_metadata struct - there is no metadata

message envoy.extensions.filters.common.fault.v3.FaultDelay
3 fixed_delay duration
4 percentage envoy.type.v3.FractionalPercent
5 header_delay envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay

message envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay

message envoy.extensions.filters.http.fault.v3.FaultAbort
2 http_status uint32
3 percentage envoy.type.v3.FractionalPercent
4 header_abort envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort
5 grpc_status uint32
6 response_body string

message envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort
`;
