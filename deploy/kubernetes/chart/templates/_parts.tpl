{{/* What the resources of a release are called. */}}
{{- define "annuli.name" -}}
{{- if contains "annuli" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-annuli" (.Release.Name | trunc 33) }}{{ end }}
{{- end }}

{{- define "annuli.selector" -}}
app.kubernetes.io/name: annuli
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "annuli.labels" -}}
{{ include "annuli.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "annuli.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "annuli.name" .) }}
{{- end }}

{{- define "annuli.clusterSecret" -}}
{{- $made := printf "%s-cluster" (include "annuli.name" .) -}}
{{ .Values.clusterSecret.existingSecret | default $made }}
{{- end }}

{{/* A process may write where it keeps its data, and nowhere else. */}}
{{- define "annuli.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "annuli.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "annuli.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* What every process is told. */}}
{{- define "annuli.env" -}}
envFrom:
  - configMapRef: {name: {{ include "annuli.name" . }}}
  {{- with .Values.dumps.existingSecret }}
  - secretRef: {name: {{ . }}}
  {{- end }}
env:
  - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "annuli.mounts" -}}
- {name: cluster, mountPath: /etc/annuli/cluster, readOnly: true}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "annuli.volumes" -}}
- name: cluster
  secret: {secretName: {{ include "annuli.clusterSecret" . }}, defaultMode: 288}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Probes of a port, given as (dict "port" name "seconds" most), with "scheme" "HTTPS" where it speaks nothing else. */}}
{{- define "annuli.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ .port }}{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: {{ div (add .seconds 4) 5 }}
livenessProbe:
  httpGet: {path: /livez, port: {{ .port }}{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{/* Spread over machines and zones, given as (dict "root" . "labels" text). */}}
{{- define "annuli.spread" -}}
{{- range .root.Values.topologySpread.topologyKeys }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: {{ $.root.Values.topologySpread.whenUnsatisfiable }}
  labelSelector:
    matchLabels:
      {{- $.labels | nindent 6 }}
{{- end }}
{{- end }}

{{/* Where a pod may run, given the values of its kind. */}}
{{- define "annuli.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
