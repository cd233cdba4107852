{{- define "crisp.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "crisp.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "crisp.name" .) }}
{{- end }}

{{- define "crisp.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "crisp.selectorLabels" -}}
app.kubernetes.io/name: crisp
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "crisp.labels" -}}
{{ include "crisp.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
