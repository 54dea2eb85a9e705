/** Rate limits: the filter, and descriptors of requests. See {@link readTable} for the form. */
export const rateLimitTable = `
message envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
1 stat_prefix string - the name counts
2 status envoy.type.v3.HttpStatus
3 token_bucket envoy.type.v3.TokenBucket
4 filter_enabled envoy.config.core.v3.RuntimeFractionalPercent
5 filter_enforced envoy.config.core.v3.RuntimeFractionalPercent
6 response_headers_to_add envoy.config.core.v3.HeaderValueOption[]
8 descriptors envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor[]
9 stage uint32
10 request_headers_to_add_when_not_enforced envoy.config.core.v3.HeaderValueOption[]
11 local_rate_limit_per_downstream_connection bool
12 enable_x_ratelimit_headers envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion
13 vh_rate_limits envoy.extensions.common.ratelimit.v3.VhRateLimitsOptions
14 always_consume_default_token_bucket BoolValue
15 rate_limited_as_resource_exhausted bool - gRPC's clients are told so
16 local_cluster_rate_limit message x each umay counts for itself
17 rate_limits envoy.config.route.v3.RateLimit[]
18 max_dynamic_descriptors UInt32Value
19 enable_retry_after_header bool - it is always sent

message envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor
1 entries envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry[]
2 token_bucket envoy.type.v3.TokenBucket
3 shadow_mode bool

message envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry
1 key string
2 value string

message envoy.type.v3.TokenBucket
1 max_tokens uint32
2 tokens_per_fill UInt32Value
3 fill_interval duration

enum envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion
0 OFF
1 DRAFT_VERSION_03

enum envoy.extensions.common.ratelimit.v3.VhRateLimitsOptions
0 OVERRIDE
1 INCLUDE
2 IGNORE

message envoy.config.route.v3.RateLimit
1 stage UInt32Value
2 disable_key string
3 actions envoy.config.route.v3.RateLimit.Action[]
4 limit message - it is for a rate limit service
5 hits_addend envoy.config.route.v3.RateLimit.HitsAddend
6 apply_on_stream_done bool
7 x_ratelimit_option envoy.config.route.v3.RateLimit.XRateLimitOption

enum envoy.config.route.v3.RateLimit.XRateLimitOption
0 UNSPECIFIED
1 OFF
2 DRAFT_VERSION_03

message envoy.config.route.v3.RateLimit.HitsAddend
1 number UInt64Value
2 format string
3 is_negative_hits bool

message envoy.config.route.v3.RateLimit.Action
1 source_cluster envoy.config.route.v3.RateLimit.Action.SourceCluster
2 destination_cluster envoy.config.route.v3.RateLimit.Action.DestinationCluster
3 request_headers envoy.config.route.v3.RateLimit.Action.RequestHeaders
4 remote_address envoy.config.route.v3.RateLimit.Action.RemoteAddress
5 generic_key envoy.config.route.v3.RateLimit.Action.GenericKey
6 header_value_match envoy.config.route.v3.RateLimit.Action.HeaderValueMatch
7 dynamic_metadata message - where a filter asks for it, it is an error: there is no metadata
8 metadata message - where a filter asks for it, it is an error: there is no metadata
9 extension message - where a filter asks for it, it is an error
10 masked_remote_address envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress
11 query_parameter_value_match envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch
12 query_parameters envoy.config.route.v3.RateLimit.Action.QueryParameters
13 remote_address_match envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch

message envoy.config.route.v3.RateLimit.Action.SourceCluster

message envoy.config.route.v3.RateLimit.Action.DestinationCluster

message envoy.config.route.v3.RateLimit.Action.RequestHeaders
1 header_name string
2 descriptor_key string
3 skip_if_absent bool

message envoy.config.route.v3.RateLimit.Action.QueryParameters
1 query_parameter_name string
2 descriptor_key string
3 skip_if_absent bool

message envoy.config.route.v3.RateLimit.Action.RemoteAddress

message envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress
1 v4_prefix_mask_len UInt32Value
2 v6_prefix_mask_len UInt32Value

message envoy.config.route.v3.RateLimit.Action.GenericKey
1 descriptor_value string
2 descriptor_key string
3 default_value string ! values have no variables

message envoy.config.route.v3.RateLimit.Action.HeaderValueMatch
1 descriptor_value string
2 expect_match BoolValue
3 headers envoy.config.route.v3.HeaderMatcher[]
4 descriptor_key string
5 default_value string ! values have no variables

message envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch
1 descriptor_value string
2 expect_match BoolValue
3 query_parameters envoy.config.route.v3.QueryParameterMatcher[]
4 descriptor_key string
5 default_value string ! values have no variables

message envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch
1 descriptor_value string
2 descriptor_key string
3 default_value string ! values have no variables
4 address_matcher envoy.type.matcher.v3.AddressMatcher

message envoy.type.matcher.v3.AddressMatcher
1 ranges xds.core.v3.CidrRange[]
2 invert_match bool

message xds.core.v3.CidrRange
1 address_prefix string
2 prefix_len UInt32Value
`;
