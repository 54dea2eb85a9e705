{{/* The name of everything that the chart makes. */}}
{{- define "umay.name" -}}
{{- if contains "umay" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-umay" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "umay.serviceAccount" -}}
{{- default (include "umay.name" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "umay.selector" -}}
app.kubernetes.io/name: umay
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "umay.labels" -}}
{{ include "umay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* As a URL has it. */}}
{{- define "umay.adminHost" -}}
{{- if contains ":" .Values.admin.host }}[{{ .Values.admin.host }}]{{ else }}{{ .Values.admin.host }}{{ end }}
{{- end }}

{{/* Where the kubelet asks whether a pod is alive and ready. */}}
{{- define "umay.adminTarget" -}}
{{- if not (has .Values.admin.host (list "0.0.0.0" "::")) }}host: {{ .Values.admin.host | quote }}, {{ end }}port: admin
{{- end }}

{{/* Rights within namespaces. */}}
{{- define "umay.namespacedRules" -}}
- apiGroups: [""]
  resources: [services, secrets, configmaps]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, listenersets, httproutes, grpcroutes, tlsroutes, tcproutes, referencegrants, backendtlspolicies]
  verbs: [list, watch]
{{- if .Values.kubernetes.ingressClass }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
{{- end }}
{{- if .Values.kubernetes.status }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways/status, listenersets/status, httproutes/status, grpcroutes/status, tlsroutes/status, tcproutes/status, backendtlspolicies/status]
  verbs: [patch]
{{- if .Values.kubernetes.ingressClass }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}
{{- end }}

{{/* Rights on what has no namespace. */}}
{{- define "umay.clusterRules" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses]
  verbs: [list, watch]
{{- if .Values.kubernetes.status }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses/status]
  verbs: [patch]
{{- end }}
{{- if .Values.kubernetes.ingressClass }}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
{{- end }}
{{- end }}
