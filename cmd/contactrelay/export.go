package main

import (
	"cmp"
	"context"
	"net/url"
	"os"

	"golang.org/x/oauth2/google"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
)

// exportSettings say where metrics and traces are sent by OTLP, and how many traces. Where to is said by OpenTelemetry's
// own variables, which its exporters read themselves, with all others of theirs (headers, certificate, time-out …):
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
type exportSettings struct {
	TraceRatio float64 `help:"Share of the messages that are traced, 0 to 1, where their producer has not decided; 0: none at all." default:"0.01"`

	metrics, traces             bool                          // whether they are sent
	metricsBearer, tracesBearer credentials.PerRPCCredentials // for Google's endpoint; nil: they go elsewhere
}

// The variables that say where to send: both, or one kind alone.
const (
	otlpEndpoint        = "OTEL_EXPORTER_OTLP_ENDPOINT"
	otlpMetricsEndpoint = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	otlpTracesEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	otlpProtocol        = "OTEL_EXPORTER_OTLP_PROTOCOL"
)

// otlpScopes are what Google's endpoint asks a token for.
// https://cloud.google.com/stackdriver/docs/reference/telemetry/overview
var otlpScopes = []string{
	"https://www.googleapis.com/auth/monitoring.write", "https://www.googleapis.com/auth/trace.append",
}

// check notes what is wrong with the settings and with the variables, and finds the credentials if an endpoint is
// Google's.
func (e *exportSettings) check(ctx context.Context, f *settingFaults) {
	f.require(e.TraceRatio >= 0 && e.TraceRatio <= 1, "trace-ratio", "must be from 0 to 1")
	both := readEndpoint(f, otlpEndpoint)
	metrics, traces := cmp.Or(readEndpoint(f, otlpMetricsEndpoint), both), cmp.Or(readEndpoint(f, otlpTracesEndpoint), both)
	if e.TraceRatio <= 0 {
		traces = nil // none are made
	}
	e.metrics, e.traces = metrics != nil, traces != nil
	if protocol := os.Getenv(otlpProtocol); protocol != "" && protocol != "grpc" && (e.metrics || e.traces) {
		f.variable(otlpProtocol, "must be grpc: nothing else is spoken")
	}
	if !needsBearer(metrics) && !needsBearer(traces) {
		return
	}
	found, err := google.FindDefaultCredentials(context.WithoutCancel(ctx), otlpScopes...) // the last counts are sent during a stop
	if err != nil {
		f.variable(otlpEndpoint, "is Google's, and there are no credentials for it: %v", err)
		return
	}
	bearer := oauth.TokenSource{TokenSource: found.TokenSource}
	if needsBearer(metrics) {
		e.metricsBearer = bearer
	}
	if needsBearer(traces) {
		e.tracesBearer = bearer
	}
}

// readEndpoint is where a variable leads to; nil if it is not set or wrong.
func readEndpoint(f *settingFaults, variable string) *url.URL {
	text := os.Getenv(variable)
	if text == "" {
		return nil
	}
	at, err := parseEndpoint(text)
	if err != nil {
		f.variable(variable, "%v", err)
	}
	return at
}

// needsBearer reports whether an endpoint is Google's, which takes a token and TLS alone. No other ever gets the token.
func needsBearer(at *url.URL) bool {
	return at != nil && at.Scheme == "https" && isGoogle(at.Hostname())
}
