/** Filters that say who may come in, and matchers. See {@link readTable} for the form. */
export const accessTable = `
message envoy.extensions.filters.http.rbac.v3.RBAC
1 rules envoy.config.rbac.v3.RBAC
2 shadow_rules envoy.config.rbac.v3.RBAC ! rules are not tried out
3 shadow_rules_stat_prefix string - the log has the rule
4 matcher xds.type.matcher.v3.Matcher
5 shadow_matcher xds.type.matcher.v3.Matcher ! rules are not tried out
6 rules_stat_prefix string - the log has the rule
7 track_per_rule_stats bool - the log has the rule

message envoy.extensions.filters.http.rbac.v3.RBACPerRoute
2 rbac envoy.extensions.filters.http.rbac.v3.RBAC

message envoy.config.rbac.v3.RBAC
1 action envoy.config.rbac.v3.RBAC.Action
2 policies envoy.config.rbac.v3.Policy{}
3 audit_logging_options message - the log has each request

message envoy.config.rbac.v3.Policy
1 permissions envoy.config.rbac.v3.Permission[]
2 principals envoy.config.rbac.v3.Principal[]
3 condition message x conditions in CEL are not evaluated
4 checked_condition message x conditions in CEL are not evaluated
5 cel_config message x

message envoy.config.rbac.v3.Permission
1 and_rules envoy.config.rbac.v3.Permission.Set
2 or_rules envoy.config.rbac.v3.Permission.Set
3 any bool
4 header envoy.config.route.v3.HeaderMatcher
5 destination_ip envoy.config.core.v3.CidrRange
6 destination_port uint32
7 metadata message x
8 not_rule envoy.config.rbac.v3.Permission
9 requested_server_name envoy.type.matcher.v3.StringMatcher
10 url_path envoy.type.matcher.v3.PathMatcher
11 destination_port_range envoy.type.v3.Int32Range
12 matcher message x
13 uri_template message x
14 sourced_metadata message x

message envoy.config.rbac.v3.Permission.Set
1 rules envoy.config.rbac.v3.Permission[]

message envoy.config.rbac.v3.Principal
1 and_ids envoy.config.rbac.v3.Principal.Set
2 or_ids envoy.config.rbac.v3.Principal.Set
3 any bool
4 authenticated envoy.config.rbac.v3.Principal.Authenticated
5 source_ip envoy.config.core.v3.CidrRange
6 header envoy.config.route.v3.HeaderMatcher
7 metadata message x
8 not_id envoy.config.rbac.v3.Principal
9 url_path envoy.type.matcher.v3.PathMatcher
10 direct_remote_ip envoy.config.core.v3.CidrRange
11 remote_ip envoy.config.core.v3.CidrRange
12 filter_state message x
13 sourced_metadata message x
14 custom message x

message envoy.config.rbac.v3.Principal.Set
1 ids envoy.config.rbac.v3.Principal[]

message envoy.config.rbac.v3.Principal.Authenticated
2 principal_name envoy.type.matcher.v3.StringMatcher

message envoy.config.rbac.v3.Action
1 name string
2 action envoy.config.rbac.v3.RBAC.Action

enum envoy.config.rbac.v3.RBAC.Action
0 ALLOW
1 DENY
2 LOG

message envoy.type.matcher.v3.PathMatcher
1 path envoy.type.matcher.v3.StringMatcher

message envoy.type.v3.Int32Range
1 start int32
2 end int32

message envoy.type.matcher.v3.ListStringMatcher
1 patterns envoy.type.matcher.v3.StringMatcher[]

message xds.type.matcher.v3.Matcher
1 matcher_list xds.type.matcher.v3.Matcher.MatcherList
2 matcher_tree xds.type.matcher.v3.Matcher.MatcherTree
3 on_no_match xds.type.matcher.v3.Matcher.OnMatch

message xds.type.matcher.v3.Matcher.OnMatch
1 matcher xds.type.matcher.v3.Matcher x
2 action xds.core.v3.TypedExtensionConfig
3 keep_matching bool x

message xds.type.matcher.v3.Matcher.MatcherList
1 matchers xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher[]

message xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher
1 predicate xds.type.matcher.v3.Matcher.MatcherList.Predicate
2 on_match xds.type.matcher.v3.Matcher.OnMatch

message xds.type.matcher.v3.Matcher.MatcherList.Predicate
1 single_predicate xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate
2 or_matcher xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList
3 and_matcher xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList
4 not_matcher xds.type.matcher.v3.Matcher.MatcherList.Predicate

message xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList
1 predicate xds.type.matcher.v3.Matcher.MatcherList.Predicate[]

message xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate
1 input xds.core.v3.TypedExtensionConfig
2 value_match xds.type.matcher.v3.StringMatcher
3 custom_match xds.core.v3.TypedExtensionConfig

message xds.type.matcher.v3.Matcher.MatcherTree
1 input xds.core.v3.TypedExtensionConfig x
2 exact_match_map message x
3 prefix_match_map message x
4 custom_match xds.core.v3.TypedExtensionConfig x

message xds.type.matcher.v3.StringMatcher
1 exact string
2 prefix string
3 suffix string
5 safe_regex xds.type.matcher.v3.RegexMatcher
6 ignore_case bool
7 contains string
8 custom xds.core.v3.TypedExtensionConfig x

message xds.type.matcher.v3.RegexMatcher
1 google_re2 message - RE2's syntax is the only one
2 regex string

message xds.core.v3.TypedExtensionConfig
1 name string - the type says it
2 typed_config any

message xds.core.v3.CidrRange
1 address_prefix string
2 prefix_len UInt32Value

message envoy.extensions.matching.common_inputs.network.v3.DestinationIPInput

message envoy.extensions.matching.common_inputs.network.v3.SourceIPInput

message envoy.extensions.matching.common_inputs.network.v3.DirectSourceIPInput

message envoy.extensions.matching.common_inputs.network.v3.ServerNameInput

message envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput

message envoy.extensions.matching.common_inputs.ssl.v3.DnsSanInput

message envoy.extensions.matching.common_inputs.ssl.v3.SubjectInput

message envoy.type.matcher.v3.HttpRequestHeaderMatchInput
1 header_name string

message envoy.extensions.matching.input_matchers.ip.v3.Ip
1 cidr_ranges envoy.config.core.v3.CidrRange[]
2 stat_prefix string - the name counts

message envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
1 providers envoy.extensions.filters.http.jwt_authn.v3.JwtProvider{}
2 rules envoy.extensions.filters.http.jwt_authn.v3.RequirementRule[]
3 filter_state_rules message x
4 bypass_cors_preflight bool - preflights need no token
5 requirement_map envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement{}
6 strip_failure_response bool - clients are told little
7 stat_prefix string x

message envoy.extensions.filters.http.jwt_authn.v3.JwtProvider
1 issuer string
2 audiences string[]
3 remote_jwks envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks
4 local_jwks envoy.config.core.v3.DataSource
5 forward bool
6 from_headers envoy.extensions.filters.http.jwt_authn.v3.JwtHeader[]
7 from_params string[]
8 forward_payload_header string ! the payload is not passed on; use claim_to_headers
9 payload_in_metadata string - there is no metadata
10 clock_skew_seconds uint32
11 pad_forward_payload_header bool ! the payload is not passed on; use claim_to_headers
12 jwt_cache_config message - checked tokens are remembered
13 from_cookies string[]
14 header_in_metadata string - there is no metadata
15 claim_to_headers envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader[]
16 failed_status_in_metadata string - there is no metadata
17 clear_route_cache bool - there is no metadata
18 normalize_payload_in_metadata message - there is no metadata
19 subjects message x
20 require_expiration bool - always required
21 max_lifetime duration ! tokens may live as long as they say

message envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks
1 http_uri envoy.config.core.v3.HttpUri
2 cache_duration duration
3 async_fetch message - keys are fetched when they are needed
4 retry_policy message - keys are fetched again after a while

message envoy.extensions.filters.http.jwt_authn.v3.JwtHeader
1 name string
2 value_prefix string

message envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader
1 header_name string
2 claim_name string
3 claim_path message[] x use claim_name

message envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences
1 provider_name string
2 audiences string[]

message envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement
1 provider_name string
2 provider_and_audiences envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences
3 requires_any envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList
4 requires_all envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList
5 allow_missing_or_failed message
6 allow_missing message
7 extract_only_without_validation message x

message envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList
1 requirements envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement[]

message envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList
1 requirements envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement[]

message envoy.extensions.filters.http.jwt_authn.v3.RequirementRule
1 match envoy.config.route.v3.RouteMatch
2 requires envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement
3 requirement_name string

message envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig
1 disabled bool
2 requirement_name string

message envoy.config.core.v3.HttpUri
1 uri string
2 cluster string
3 timeout duration

message envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
1 grpc_service envoy.config.core.v3.GrpcService
2 failure_mode_allow bool
3 http_service envoy.extensions.filters.http.ext_authz.v3.HttpService
5 with_request_body envoy.extensions.filters.http.ext_authz.v3.BufferSettings
6 clear_route_cache bool
7 status_on_error envoy.type.v3.HttpStatus
8 metadata_context_namespaces string[] - there is no metadata
9 filter_enabled envoy.config.core.v3.RuntimeFractionalPercent
10 include_peer_certificate bool
11 deny_at_disable envoy.config.core.v3.RuntimeFeatureFlag
12 transport_api_version int32 - only V3 is spoken
13 stat_prefix string - the name counts
14 filter_enabled_metadata message x there is no metadata; use filter_enabled
15 bootstrap_metadata_labels_key string ! no labels are sent
16 typed_metadata_context_namespaces string[] - there is no metadata
17 allowed_headers envoy.type.matcher.v3.ListStringMatcher
18 include_tls_session bool
19 failure_mode_allow_header_add bool
20 charge_cluster_response_stats BoolValue - umay counts its own
21 route_metadata_context_namespaces string[] - there is no metadata
22 route_typed_metadata_context_namespaces string[] - there is no metadata
23 encode_raw_headers bool ! values are sent as they came
24 validate_mutations bool
25 disallowed_headers envoy.type.matcher.v3.ListStringMatcher
26 decoder_header_mutation_rules message x
27 enable_dynamic_metadata_ingestion BoolValue x
28 filter_metadata struct x
29 emit_filter_state_stats bool - umay counts its own
30 max_denied_response_body_bytes uint32 x
31 enforce_response_header_limits bool x
32 shadow_mode bool x a refusal would let in
33 emit_client_span BoolValue ! questions are in no trace
34 clear_route_cache_headers string[] ! clear_route_cache counts, for all fields

message envoy.extensions.filters.http.ext_authz.v3.HttpService
1 server_uri envoy.config.core.v3.HttpUri
2 path_prefix string
7 authorization_request envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest
8 authorization_response envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse
9 retry_policy message x
10 path_override string x

message envoy.extensions.filters.http.ext_authz.v3.BufferSettings
1 max_request_bytes uint32
2 allow_partial_message bool
3 pack_as_bytes bool

message envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest
1 allowed_headers envoy.type.matcher.v3.ListStringMatcher
2 headers_to_add envoy.config.core.v3.HeaderValue[]

message envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse
1 allowed_upstream_headers envoy.type.matcher.v3.ListStringMatcher
2 allowed_client_headers envoy.type.matcher.v3.ListStringMatcher
3 allowed_upstream_headers_to_append envoy.type.matcher.v3.ListStringMatcher
4 allowed_client_headers_on_success envoy.type.matcher.v3.ListStringMatcher
5 dynamic_metadata_from_headers envoy.type.matcher.v3.ListStringMatcher - there is no metadata

message envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
1 disabled bool
2 check_settings envoy.extensions.filters.http.ext_authz.v3.CheckSettings

message envoy.extensions.filters.http.ext_authz.v3.CheckSettings
1 context_extensions string{}
2 disable_request_body_buffering bool
3 with_request_body envoy.extensions.filters.http.ext_authz.v3.BufferSettings
4 grpc_service envoy.config.core.v3.GrpcService
5 http_service envoy.extensions.filters.http.ext_authz.v3.HttpService
6 emit_client_span BoolValue ! questions are in no trace

message envoy.extensions.filters.network.rbac.v3.RBAC
1 rules envoy.config.rbac.v3.RBAC
2 shadow_rules message ! rules are not tried out
3 stat_prefix string - the name counts
4 enforcement_type int32 - addresses do not change
5 shadow_rules_stat_prefix string - the name counts
6 matcher message x
7 shadow_matcher message ! rules are not tried out
8 delay_deny duration - who is refused is refused at once

message envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit
1 stat_prefix string - the name counts
2 max_connections UInt64Value
3 delay duration - who is refused is refused at once
4 runtime_enabled message - there are no runtime keys
`;
