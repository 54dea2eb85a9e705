/** Metrics of control planes, by type of resource: cluster, endpoints, listener, routes, secret. */
export const xdsMetrics = {
  umay_xds_connected: {
    type: "gauge",
    help: "1 while every control plane that sends a type of resource is connected, else 0.",
    labels: ["type"],
    unit: "",
  },
  umay_xds_updates_total: {
    type: "counter",
    help: "Responses of control planes: accepted as a whole, or rejected with at least one resource that can't be served.",
    labels: ["type", "result"],
    unit: "",
  },
  umay_xds_last_update_timestamp_seconds: {
    type: "gauge",
    help: "When a control plane last sent a type of resource, in Unix time.",
    labels: ["type"],
    unit: "seconds",
  },
  umay_xds_resources: {
    type: "gauge",
    help: "Resources of control planes: present in their last good version, or missing though something needs them.",
    labels: ["type", "state"],
    unit: "",
  },
} as const;
