/** The filter that has a server process requests and answers. See {@link readTable} for the form. */
export const processingTable = `
message envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
1 grpc_service envoy.config.core.v3.GrpcService
2 failure_mode_allow bool
3 processing_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode
5 request_attributes string[]
6 response_attributes string[]
7 message_timeout duration
8 stat_prefix string - the name counts
9 mutation_rules envoy.config.common.mutation_rules.v3.HeaderMutationRules
10 max_message_timeout duration
11 disable_clear_route_cache bool
12 forward_rules envoy.extensions.filters.http.ext_proc.v3.HeaderForwardingRules
13 filter_metadata struct - there is no metadata
14 allow_mode_override bool
15 disable_immediate_response bool
16 metadata_options message ! there is no metadata
17 observability_mode bool
18 route_cache_action envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor.RouteCacheAction
19 deferred_close_timeout duration - 5 s
20 http_service envoy.extensions.filters.http.ext_proc.v3.ExtProcHttpService
21 send_body_without_waiting_for_header_response bool
22 allowed_override_modes envoy.extensions.filters.http.ext_proc.v3.ProcessingMode[]
23 on_processing_response envoy.config.core.v3.TypedExtensionConfig x there is no metadata that it could be saved as
24 status_on_error envoy.type.v3.HttpStatus
25 processing_request_modifier envoy.config.core.v3.TypedExtensionConfig x attributes have their own names
26 allow_content_length_header bool - lengths are written anew
27 emit_client_span BoolValue ! calls are in no trace

message envoy.extensions.filters.http.ext_proc.v3.ExtProcHttpService
1 http_service envoy.config.core.v3.HttpService

enum envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor.RouteCacheAction
0 DEFAULT
1 CLEAR
2 RETAIN

message envoy.extensions.filters.http.ext_proc.v3.ProcessingMode
1 request_header_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode
2 response_header_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode
3 request_body_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode
4 response_body_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode
5 request_trailer_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode
6 response_trailer_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode

enum envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode
0 DEFAULT
1 SEND
2 SKIP

enum envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode
0 NONE
1 STREAMED
2 BUFFERED
3 BUFFERED_PARTIAL
4 FULL_DUPLEX_STREAMED
5 GRPC

message envoy.extensions.filters.http.ext_proc.v3.HeaderForwardingRules
1 allowed_headers envoy.type.matcher.v3.ListStringMatcher
2 disallowed_headers envoy.type.matcher.v3.ListStringMatcher

message envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute
1 disabled bool
2 overrides envoy.extensions.filters.http.ext_proc.v3.ExtProcOverrides

message envoy.extensions.filters.http.ext_proc.v3.ExtProcOverrides
1 processing_mode envoy.extensions.filters.http.ext_proc.v3.ProcessingMode
2 async_mode bool - Envoy does not have it either
3 request_attributes string[] - Envoy does not heed it either
4 response_attributes string[] - Envoy does not heed it either
5 grpc_service envoy.config.core.v3.GrpcService
6 metadata_options message ! there is no metadata
7 grpc_initial_metadata envoy.config.core.v3.HeaderValue[]
8 failure_mode_allow BoolValue
9 processing_request_modifier envoy.config.core.v3.TypedExtensionConfig x attributes have their own names
10 emit_client_span BoolValue ! calls are in no trace

message envoy.config.common.mutation_rules.v3.HeaderMutationRules
1 allow_all_routing BoolValue
2 allow_envoy BoolValue
3 disallow_system BoolValue
4 disallow_all BoolValue
5 allow_expression envoy.type.matcher.v3.RegexMatcher
6 disallow_expression envoy.type.matcher.v3.RegexMatcher
7 disallow_is_error BoolValue
`;
