/** Routes of requests. See {@link readTable} for the form. */
export const routeTable = `
message envoy.config.route.v3.RouteConfiguration
1 name string
2 virtual_hosts envoy.config.route.v3.VirtualHost[]
3 internal_only_headers string[] ! they pass
4 response_headers_to_add envoy.config.core.v3.HeaderValueOption[]
5 response_headers_to_remove string[]
6 request_headers_to_add envoy.config.core.v3.HeaderValueOption[]
7 validate_clusters BoolValue - a cluster has to be there
8 request_headers_to_remove string[]
9 vhds message x
10 most_specific_header_mutations_wins bool
11 max_direct_response_body_size_bytes UInt32Value - 1 MiB
12 cluster_specifier_plugins message[] x
13 request_mirror_policies envoy.config.route.v3.RouteAction.RequestMirrorPolicy[]
14 ignore_port_in_host_matching bool - ports never count
15 ignore_path_parameters_in_path_matching bool x
16 typed_per_filter_config any{}
17 metadata message - says nothing here
18 vhost_header string x
19 route_specifiers envoy.config.core.v3.TypedExtensionConfig[] x umay runs no plug-ins

message envoy.config.route.v3.VirtualHost
1 name string
2 domains string[]
3 routes envoy.config.route.v3.Route[]
4 require_tls envoy.config.route.v3.VirtualHost.TlsRequirementType
5 virtual_clusters message[] - Envoy's own statistics
6 rate_limits envoy.config.route.v3.RateLimit[]
7 request_headers_to_add envoy.config.core.v3.HeaderValueOption[]
8 cors message x
10 response_headers_to_add envoy.config.core.v3.HeaderValueOption[]
11 response_headers_to_remove string[]
13 request_headers_to_remove string[]
14 include_request_attempt_count bool
15 typed_per_filter_config any{}
16 retry_policy envoy.config.route.v3.RetryPolicy
17 hedge_policy message x
18 per_request_buffer_limit_bytes UInt32Value
19 include_attempt_count_in_response bool
20 retry_policy_typed_config any x
21 matcher message x
22 request_mirror_policies envoy.config.route.v3.RouteAction.RequestMirrorPolicy[]
23 include_is_timeout_retry_header bool - there are no x-envoy fields
24 metadata message - says nothing here
25 request_body_buffer_limit UInt64Value
26 route_specifiers envoy.config.core.v3.TypedExtensionConfig[] x umay runs no plug-ins

message envoy.config.route.v3.Route
1 match envoy.config.route.v3.RouteMatch
2 route envoy.config.route.v3.RouteAction
3 redirect envoy.config.route.v3.RedirectAction
4 metadata message - says nothing here
5 decorator message - spans are named after routes
7 direct_response envoy.config.route.v3.DirectResponseAction
9 request_headers_to_add envoy.config.core.v3.HeaderValueOption[]
10 response_headers_to_add envoy.config.core.v3.HeaderValueOption[]
11 response_headers_to_remove string[]
12 request_headers_to_remove string[]
13 typed_per_filter_config any{}
14 name string
15 tracing envoy.config.route.v3.Tracing
16 per_request_buffer_limit_bytes UInt32Value
17 filter_action message x
18 non_forwarding_action envoy.config.route.v3.NonForwardingAction
19 stat_prefix string - the name counts
20 request_body_buffer_limit UInt64Value
21 route_specifiers envoy.config.core.v3.TypedExtensionConfig[] x umay runs no plug-ins

message envoy.config.route.v3.RouteMatch
1 prefix string
2 path string
4 case_sensitive BoolValue
6 headers envoy.config.route.v3.HeaderMatcher[]
7 query_parameters envoy.config.route.v3.QueryParameterMatcher[]
8 grpc envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions
9 runtime_fraction envoy.config.core.v3.RuntimeFractionalPercent
10 safe_regex envoy.type.matcher.v3.RegexMatcher
11 tls_context message x
12 connect_matcher message x
13 dynamic_metadata message[] x
14 path_separated_prefix string
15 path_match_policy envoy.config.core.v3.TypedExtensionConfig
16 filter_state message[] x
17 cookies envoy.config.route.v3.CookieMatcher[]

message envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions

message envoy.config.route.v3.HeaderMatcher
1 name string
4 exact_match string
6 range_match envoy.type.v3.Int64Range
7 present_match bool
8 invert_match bool
9 prefix_match string
10 suffix_match string
11 safe_regex_match envoy.type.matcher.v3.RegexMatcher
12 contains_match string
13 string_match envoy.type.matcher.v3.StringMatcher
14 treat_missing_header_as_empty bool

message envoy.config.route.v3.CookieMatcher
1 name string
2 string_match envoy.type.matcher.v3.StringMatcher
3 invert_match bool

message envoy.config.route.v3.QueryParameterMatcher
1 name string
5 string_match envoy.type.matcher.v3.StringMatcher
6 present_match bool

message envoy.config.route.v3.RouteAction
1 cluster string
2 cluster_header string
3 weighted_clusters envoy.config.route.v3.WeightedCluster
4 metadata_match envoy.config.core.v3.Metadata
5 prefix_rewrite string
6 host_rewrite_literal string
7 auto_host_rewrite BoolValue
8 timeout duration
9 retry_policy envoy.config.route.v3.RetryPolicy
11 priority int32 ! requests have one priority
13 rate_limits envoy.config.route.v3.RateLimit[]
14 include_vh_rate_limits BoolValue
15 hash_policy envoy.config.route.v3.RouteAction.HashPolicy[]
17 cors message x
20 cluster_not_found_response_code int32 - a cluster has to be there
23 max_grpc_timeout duration - timeout counts
24 idle_timeout duration
25 upgrade_configs envoy.config.route.v3.RouteAction.UpgradeConfig[]
26 internal_redirect_action int32 x
27 hedge_policy message x
28 grpc_timeout_offset duration - timeout counts
29 host_rewrite_header string
30 request_mirror_policies envoy.config.route.v3.RouteAction.RequestMirrorPolicy[]
31 max_internal_redirects UInt32Value x
32 regex_rewrite envoy.type.matcher.v3.RegexMatchAndSubstitute
33 retry_policy_typed_config any x
34 internal_redirect_policy message x
35 host_rewrite_path_regex envoy.type.matcher.v3.RegexMatchAndSubstitute
36 max_stream_duration envoy.config.route.v3.RouteAction.MaxStreamDuration
37 cluster_specifier_plugin string x
38 append_x_forwarded_host bool - always done
39 inline_cluster_specifier_plugin message x
40 early_data_policy envoy.config.core.v3.TypedExtensionConfig x
41 path_rewrite_policy envoy.config.core.v3.TypedExtensionConfig
42 flush_timeout duration - idle_timeout counts
44 host_rewrite string x
45 path_rewrite string x

message envoy.config.route.v3.RouteAction.HashPolicy
1 header envoy.config.route.v3.RouteAction.HashPolicy.Header
2 cookie envoy.config.route.v3.RouteAction.HashPolicy.Cookie
3 connection_properties envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties
4 terminal bool - the first that the request has counts
5 query_parameter envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter
6 filter_state message x

message envoy.config.route.v3.RouteAction.HashPolicy.Header
1 header_name string
2 regex_rewrite envoy.type.matcher.v3.RegexMatchAndSubstitute x

message envoy.config.route.v3.RouteAction.HashPolicy.Cookie
1 name string
2 ttl duration ! a cookie is not made; stateful_session makes one
3 path string ! a cookie is not made; stateful_session makes one
4 attributes message[] x

message envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties
1 source_ip bool

message envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter
1 name string

message envoy.config.route.v3.RouteAction.UpgradeConfig
1 upgrade_type string
2 enabled BoolValue
3 connect_config message x

message envoy.config.route.v3.WeightedCluster
1 clusters envoy.config.route.v3.WeightedCluster.ClusterWeight[]
2 runtime_key_prefix string - there are no runtime keys
3 total_weight UInt32Value - the sum of the weights
4 header_name string x
5 use_hash_policy BoolValue x

message envoy.config.route.v3.WeightedCluster.ClusterWeight
1 name string
2 weight UInt32Value
3 metadata_match envoy.config.core.v3.Metadata
4 request_headers_to_add envoy.config.core.v3.HeaderValueOption[]
5 response_headers_to_add envoy.config.core.v3.HeaderValueOption[]
6 response_headers_to_remove string[]
9 request_headers_to_remove string[]
10 typed_per_filter_config any{}
11 host_rewrite_literal string
12 cluster_header string x

message envoy.config.route.v3.RedirectAction
1 host_redirect string
2 path_redirect string
3 response_code envoy.config.route.v3.RedirectAction.RedirectResponseCode
4 https_redirect bool
5 prefix_rewrite string
6 strip_query bool
7 scheme_redirect string
8 port_redirect uint32
9 regex_rewrite envoy.type.matcher.v3.RegexMatchAndSubstitute
10 path_rewrite string x use path_redirect, prefix_rewrite or regex_rewrite

message envoy.config.route.v3.DirectResponseAction
1 status uint32
2 body envoy.config.core.v3.DataSource
3 body_format message x

enum envoy.config.route.v3.VirtualHost.TlsRequirementType
0 NONE
1 EXTERNAL_ONLY
2 ALL

enum envoy.config.route.v3.RedirectAction.RedirectResponseCode
0 MOVED_PERMANENTLY
1 FOUND
2 SEE_OTHER
3 TEMPORARY_REDIRECT
4 PERMANENT_REDIRECT
`;
