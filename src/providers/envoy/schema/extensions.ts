/** Extensions that many configurations name and that umay does not have, with what to use instead. */
export const extensions: Readonly<Record<string, string>> = {
  "envoy.extensions.filters.http.lua.v3.Lua": "umay runs no scripts",
  "envoy.extensions.filters.http.wasm.v3.Wasm": "umay runs no WebAssembly",
  "envoy.extensions.filters.http.golang.v3alpha.Config": "umay runs no plug-ins",
  "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy": "umay relays Redis with tcp_proxy",
  "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy": "umay relays MongoDB with tcp_proxy",
  "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy": "umay relays MySQL with tcp_proxy",
  "envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker": "umay relays Kafka with tcp_proxy",
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig": "umay relays no UDP",
  "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport": "umay speaks no QUIC",
  "envoy.extensions.filters.listener.original_dst.v3.OriginalDst": "umay does not read original destinations",
};
