/** Policies of balancing. See {@link readTable} for the form. */
export const balancingTable = `
message envoy.config.cluster.v3.Cluster.RingHashLbConfig
1 minimum_ring_size UInt64Value - the ring's size is umay's
3 hash_function int32 - umay's own
4 maximum_ring_size UInt64Value - the ring's size is umay's

message envoy.config.cluster.v3.Cluster.LeastRequestLbConfig
1 choice_count UInt32Value
2 active_request_bias message ! requests under way count as they are
3 slow_start_config envoy.config.cluster.v3.Cluster.SlowStartConfig

message envoy.config.cluster.v3.Cluster.RoundRobinLbConfig
1 slow_start_config envoy.config.cluster.v3.Cluster.SlowStartConfig

message envoy.config.cluster.v3.Cluster.SlowStartConfig
1 slow_start_window duration
2 aggression message ! a backend comes to its weight evenly
3 min_weight_percent envoy.type.v3.Percent - 10 %

message envoy.config.cluster.v3.LoadBalancingPolicy
1 policies envoy.config.cluster.v3.LoadBalancingPolicy.Policy[]

message envoy.config.cluster.v3.LoadBalancingPolicy.Policy
4 typed_extension_config envoy.config.core.v3.TypedExtensionConfig

message envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin
1 slow_start_config envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig
2 locality_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig

message envoy.extensions.load_balancing_policies.random.v3.Random
1 locality_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig

message envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest
1 choice_count UInt32Value
2 active_request_bias message ! requests under way count as they are
3 slow_start_config envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig
4 locality_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig
5 enable_full_scan BoolValue
6 selection_method envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest.SelectionMethod

message envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash
1 hash_function int32 - umay's own
2 minimum_ring_size UInt64Value - the ring's size is umay's
3 maximum_ring_size UInt64Value - the ring's size is umay's
4 use_hostname_for_hashing bool - addresses count
5 hash_balance_factor UInt32Value
6 consistent_hashing_lb_config envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig
7 locality_weighted_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig

message envoy.extensions.load_balancing_policies.maglev.v3.Maglev
1 table_size UInt64Value - the table's size is umay's
2 consistent_hashing_lb_config envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig
3 locality_weighted_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig

enum envoy.config.cluster.v3.Cluster.LbPolicy
0 ROUND_ROBIN
1 LEAST_REQUEST
2 RING_HASH
3 RANDOM
5 MAGLEV
6 CLUSTER_PROVIDED
7 LOAD_BALANCING_POLICY_CONFIG

enum envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest.SelectionMethod
0 N_CHOICES
1 FULL_SCAN

message envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig
1 zone_aware_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig
2 locality_weighted_lb_config envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig

message envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig

message envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig
1 routing_enabled envoy.type.v3.Percent
2 min_cluster_size UInt64Value
3 fail_traffic_on_panic bool ! where too few backends are well, all of them are tried
4 force_locality_direct_routing bool
5 force_local_zone message ! zones share the sessions
6 locality_basis int32 ! the number of backends counts

message envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig
1 routing_enabled envoy.type.v3.Percent
2 min_cluster_size UInt64Value
3 fail_traffic_on_panic bool ! where too few backends are well, all of them are tried

message envoy.config.cluster.v3.Cluster.LbSubsetConfig
1 fallback_policy envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy
2 default_subset struct
3 subset_selectors envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector[]
4 locality_weight_aware bool
5 scale_locality_weight bool
6 panic_mode_any bool
7 list_as_any bool
8 metadata_fallback_policy envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetMetadataFallbackPolicy

message envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector
1 keys string[]
2 fallback_policy envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector.LbSubsetSelectorFallbackPolicy
3 fallback_keys_subset string[]
4 single_host_per_subset bool - a part may have one backend

message envoy.extensions.load_balancing_policies.subset.v3.Subset
1 fallback_policy envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy
2 default_subset struct
3 subset_selectors envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector[]
4 locality_weight_aware bool
5 scale_locality_weight bool
6 panic_mode_any bool
7 list_as_any bool
8 metadata_fallback_policy envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetMetadataFallbackPolicy
9 subset_lb_policy envoy.config.cluster.v3.LoadBalancingPolicy
10 allow_redundant_keys bool

enum envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy
0 NO_FALLBACK
1 ANY_ENDPOINT
2 DEFAULT_SUBSET

enum envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector.LbSubsetSelectorFallbackPolicy
0 NOT_DEFINED
1 NO_FALLBACK
2 ANY_ENDPOINT
3 DEFAULT_SUBSET
4 KEYS_SUBSET

enum envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetMetadataFallbackPolicy
0 METADATA_NO_FALLBACK
1 FALLBACK_LIST

message envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig
1 slow_start_window duration
2 aggression message ! a backend comes to its weight evenly
3 min_weight_percent envoy.type.v3.Percent - 10 %

message envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig
1 use_hostname_for_hashing bool - addresses count
2 hash_balance_factor UInt32Value
3 hash_policy message[] ! the route's policies count

message envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality
1 endpoint_picking_policy envoy.config.cluster.v3.LoadBalancingPolicy

message envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin
1 enable_oob_load_report BoolValue ! loads of backends are not reported; weights count
2 oob_reporting_period duration ! loads of backends are not reported; weights count
3 blackout_period duration ! loads of backends are not reported; weights count
4 weight_expiration_period duration ! loads of backends are not reported; weights count
5 weight_update_period duration ! loads of backends are not reported; weights count
6 error_utilization_penalty FloatValue ! loads of backends are not reported; weights count
7 metric_names_for_computing_utilization string[] ! loads of backends are not reported; weights count
8 slow_start_config message ! loads of backends are not reported; weights count
9 oob_reporting_config message ! loads of backends are not reported; weights count

message envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost
1 override_host_sources envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost.OverrideHostSource[]
2 selected_host_key message ! filters are not told of the endpoint
3 fallback_policy envoy.config.cluster.v3.LoadBalancingPolicy

message envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost.OverrideHostSource
1 header string
2 metadata envoy.type.metadata.v3.MetadataKey

message envoy.type.metadata.v3.MetadataKey
1 key string - umay's filters leave no metadata
2 path message[] - umay's filters leave no metadata

message envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig

message envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig
1 use_hostname_for_hashing bool - addresses count
2 hash_balance_factor UInt32Value
`;
