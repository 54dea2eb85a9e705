/** Retries, mirrors and other parts of routes. See {@link readTable} for the form. */
export const attemptTable = `
message envoy.config.route.v3.RetryPolicy
1 retry_on string
2 num_retries UInt32Value
3 per_try_timeout duration
4 retry_priority message ! priorities stay as they are
5 retry_host_predicate message[] - another backend is taken where there is one
6 host_selection_retry_max_attempts int64 - another backend is taken where there is one
7 retriable_status_codes uint32[]
8 retry_back_off envoy.config.route.v3.RetryPolicy.RetryBackOff
9 retriable_headers message[] ! answers are told apart by their status
10 retriable_request_headers message[] ! all requests are treated alike
11 rate_limited_retry_back_off message ! retry_back_off counts
12 retry_options_predicates message[] ! they are not asked
13 per_try_idle_timeout duration ! per_try_timeout counts
14 refresh_cluster_on_retry bool ! a retry goes to the cluster of the first try

message envoy.config.route.v3.RetryPolicy.RetryBackOff
1 base_interval duration
2 max_interval duration

message envoy.config.route.v3.RouteAction.RequestMirrorPolicy
1 cluster string
3 runtime_fraction envoy.config.core.v3.RuntimeFractionalPercent
4 trace_sampled BoolValue - a copy is in no trace of its own
5 cluster_header string x
6 disable_shadow_host_suffix_append bool - the host stays
7 request_headers_mutations message[] x
8 host_rewrite_literal string x

message envoy.config.route.v3.RouteAction.MaxStreamDuration
1 max_stream_duration duration
2 grpc_timeout_header_max duration
3 grpc_timeout_header_offset duration ! timeout counts

message envoy.config.route.v3.NonForwardingAction

message envoy.config.route.v3.Tracing
1 client_sampling message - no client can ask for a trace
2 random_sampling envoy.type.v3.FractionalPercent
3 overall_sampling envoy.type.v3.FractionalPercent
4 custom_tags message[] ! spans have umay's attributes
5 operation string - spans are named after routes
6 upstream_operation string - spans are named after routes

message envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
1 path_template string

message envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig
1 path_template_rewrite string
`;
