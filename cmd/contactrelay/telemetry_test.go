package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/oauth"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

// observed starts contactrelay run with its metrics and traces sent to a collector, all traces unless flags say otherwise.
func (r *rig) observed(c *collector, environment []string, flags ...string) *process {
	return start(r.t, append([]string{
		"PUBSUB_EMULATOR_HOST=" + r.broker, "PEOPLE_EMULATOR_HOST=" + r.people.Listen, "GOOGLE_CLOUD_PROJECT=" + r.project,
		otlpEndpoint + "=http://" + c.address,
	}, environment...), append([]string{"run", "--http", "", "--trace-ratio", "1"}, flags...)...)
}

// traced publishes messages as a producer that traces all of them with the client's own means.
func (r *rig) traced(c *collector, all []messages.Message) {
	r.t.Helper()
	to, err := otlptracegrpc.New(r.t.Context(), otlptracegrpc.WithEndpoint(c.address), otlptracegrpc.WithInsecure())
	must(r.t, err)
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(to))
	otel.SetTracerProvider(provider) // the client knows no other way
	connection, err := grpc.NewClient(r.broker, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(r.t, err)
	client, err := pubsub.NewClientWithConfig(r.t.Context(), r.project, &pubsub.ClientConfig{EnableOpenTelemetryTracing: true}, option.WithGRPCConn(connection))
	must(r.t, err)
	defer client.Close()
	(&rig{t: r.t, client: client, project: r.project}).publish(all)
	must(r.t, provider.Shutdown(r.t.Context()))
}

// metadataServer is Google's, on loopback. It answers nothing before the gate is open.
func metadataServer(t *testing.T, gate <-chan struct{}) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-gate
		answer, ok := map[string]string{
			"project/project-id": "pool-project", "instance/region": "projects/7/regions/europe-west1", "instance/id": "00aa11",
		}[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestABatchOf50MessagesIsTracedFromTheirProducer has a first message keep the user busy while 50 more gather. The
// worker runs in a pool of Cloud Run as far as it can tell, and does not wait to hear where that is. It is not parallel: the producer's traces are those of
// this whole process.
func TestABatchOf50MessagesIsTracedFromTheirProducer(t *testing.T) {
	const batch = 50
	r, c, gate := newRig(t, simulate(t, "pubsub").Listen), collect(t), make(chan struct{})
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: 1, Contacts: batch + 1})
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
		{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(time.Second), Calls: 1},
	}})
	var all []messages.Message
	for i := range batch + 1 {
		all = append(all, firstChange(0, i, "Nora"))
	}
	r.traced(c, all)
	w := r.observed(c, []string{
		"CLOUD_RUN_WORKER_POOL=relay", "CLOUD_RUN_REVISION=relay-00007-abc", "GCE_METADATA_HOST=" + metadataServer(t, gate),
	}, "--trace-ratio", "0.000001", "--batch-min", strconv.Itoa(batch), "--batch-late", "0")
	w.until(batch+1, time.Minute, applied)
	close(gate)
	if took, err := w.terminate(); err != nil || took > 8*time.Second {
		t.Errorf("SIGTERM to exit: %v, %v", took, err)
	}

	calls, processed := c.named("people.batchUpdateContacts"), c.named("process")
	if len(calls) != 1 || len(calls[0].Links) != batch || len(processed) != batch+1 {
		t.Fatalf("%d batch calls, %d messages, want one call linked to %d of %d", len(calls), len(processed), batch, batch+1)
	}
	c.checkBatch(t, calls[0], processed)
	for _, from := range c.resources[1:] { // the first is of the test's producer
		for name, want := range map[string]string{
			"service.name": "contactrelay", "cloud.platform": "gcp_cloud_run", "cloud.region": "europe-west1", "faas.name": "relay",
			"faas.version": "relay-00007-abc", "faas.instance": "00aa11", "cloud.account.id": "pool-project", "gcp.project_id": r.project,
		} {
			if from["service.name"] == "contactrelay" && from[name] != want {
				t.Errorf("%s is %q, want %q", name, from[name], want)
			}
		}
	}
	settled, _ := w.since(0)
	for _, text := range settled {
		if line := logLine(t, text); line["verdict"] == "applied" && !strings.HasPrefix(line["logging.googleapis.com/trace"].(string), "projects/"+r.project+"/traces/") {
			t.Errorf("a line without its trace: %s", text)
		}
	}
}

// checkBatch sees that a call and the messages in it are linked both ways, and each message in its producer's trace.
func (c *collector) checkBatch(t *testing.T, call *tracepb.Span, processed []*tracepb.Span) {
	t.Helper()
	published := map[string]*tracepb.Span{} // by span
	for _, span := range c.spans {
		published[string(span.SpanId)] = span
	}
	linked := map[string]bool{}
	for _, link := range call.Links {
		linked[string(link.SpanId)] = true
	}
	back, parent := 0, false
	for _, message := range processed {
		producer := published[string(message.ParentSpanId)]
		if producer == nil || string(producer.TraceId) != string(message.TraceId) || !strings.HasSuffix(producer.Name, " create") {
			t.Errorf("a message is not in the trace of its producer: %v", producer)
		}
		parent = parent || string(call.ParentSpanId) == string(message.SpanId)
		if linked[string(message.SpanId)] && len(message.Links) == 1 && string(message.Links[0].SpanId) == string(call.SpanId) {
			back++
		}
	}
	if back != len(call.Links) || !parent {
		t.Errorf("%d of %d messages are linked both ways; the call is in the trace of one of them: %v", back, len(call.Links), parent)
	}
}

func TestTokensGoToTheCollectorOverTLS(t *testing.T) {
	issuer := httptest.NewUnstartedServer(nil)
	issuer.StartTLS() // for its certificate
	defer issuer.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}), 0o600))
	c := collect(t, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: issuer.TLS.Certificates})))
	t.Setenv(otlpEndpoint, "https://"+c.address)
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", file)

	e, faults := exportSettings{TraceRatio: 1}, &settingFaults{}
	e.check(t.Context(), faults)
	must(t, faults.err())
	e.metricsBearer = oauth.TokenSource{TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"})}
	e.tracesBearer = e.metricsBearer
	sent, err := e.open(t.Context(), "demo", (&logSettings{LogFormat: "json"}).logger(t.Output(), ""))
	must(t, err)
	must(t, sent.count(t.Context(), func() worker.Tally { return worker.Tally{} }))
	_, span := sent.tracer().Start(t.Context(), "span")
	span.End()
	sent.close(t.Context(), 7*time.Second)
	if len(c.tokens) != 2 || c.tokens[0] != "Bearer secret" || c.tokens[1] != "Bearer secret" {
		t.Errorf("tokens %q, want one with the metrics and one with the traces", c.tokens)
	}
}

func TestOnlyGooglesEndpointGetsGooglesTokens(t *testing.T) {
	for text, want := range map[string]bool{
		"https://telemetry.googleapis.com": true, "https://telemetry.googleapis.com:443": true, "https://telemetry.us.rep.googleapis.com": true,
		"http://telemetry.googleapis.com": false, "https://collector.example.com": false, "https://telemetry.googleapis.com.example.com": false,
	} {
		at, err := url.Parse(text)
		must(t, err)
		if got := needsBearer(at); got != want {
			t.Errorf("needsBearer(%s) = %v, want %v", text, got, want)
		}
	}
}

// googlesCredentials has the default credentials be those of a person, whose tokens come from an address.
func googlesCredentials(t *testing.T, tokens string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "adc.json")
	must(t, os.WriteFile(file, []byte(`{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": "`+tokens+`"}`), 0o600))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

func TestWhatGoesElsewhereGetsNoTokenOfGoogle(t *testing.T) {
	const google, elsewhere = "https://telemetry.googleapis.com", "http://127.0.0.1:1"
	for _, test := range []struct {
		both, ofMetrics, ofTraces string
		metrics, traces           bool // get a token
	}{
		{google, "", "", true, true},
		{"", google, elsewhere, true, false},
		{google, "", elsewhere, true, false},
		{elsewhere, "", google, false, true},
		{google, elsewhere, elsewhere, false, false},
	} {
		googlesCredentials(t, "")
		t.Setenv(otlpEndpoint, test.both)
		t.Setenv(otlpMetricsEndpoint, test.ofMetrics)
		t.Setenv(otlpTracesEndpoint, test.ofTraces)
		e, faults := exportSettings{TraceRatio: 1}, &settingFaults{}
		e.check(t.Context(), faults)
		must(t, faults.err())
		if got := [2]bool{e.metricsBearer != nil, e.tracesBearer != nil}; got != [2]bool{test.metrics, test.traces} || !e.metrics || !e.traces {
			t.Errorf("%+v: tokens for metrics and traces %v", test, got)
		}
		for _, bearer := range []credentials.PerRPCCredentials{e.metricsBearer, e.tracesBearer} {
			if bearer != nil && !bearer.RequireTransportSecurity() {
				t.Errorf("%+v: the token may go in clear text", test)
			}
		}
	}
}

func TestATokenForGoogleIsToBeHadDuringAStop(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token": "secret", "expires_in": 3600}`))
	}))
	defer server.Close()
	googlesCredentials(t, server.URL)
	t.Setenv(otlpMetricsEndpoint, "https://telemetry.googleapis.com")
	e, faults := exportSettings{TraceRatio: 1}, &settingFaults{}
	ctx, stop := context.WithCancel(t.Context())
	e.check(ctx, faults)
	must(t, faults.err())
	stop()
	token, err := e.metricsBearer.(oauth.TokenSource).Token()
	must(t, err)
	if token.AccessToken != "secret" {
		t.Errorf("the token is %q", token.AccessToken)
	}
}

// TestAStopDoesNotWaitForWhereThisRuns has a metadata server that does not answer.
func TestAStopDoesNotWaitForWhereThisRuns(t *testing.T) {
	c, gate := collect(t), make(chan struct{})
	t.Setenv(otlpEndpoint, "http://"+c.address)
	t.Setenv(workerPoolName, "relay")
	t.Setenv("GCE_METADATA_HOST", metadataServer(t, gate))
	defer close(gate)
	e, faults := exportSettings{TraceRatio: 1}, &settingFaults{}
	e.check(t.Context(), faults)
	must(t, faults.err())
	ctx, stop := context.WithCancel(t.Context())
	sent, err := e.open(ctx, "demo", (&logSettings{LogFormat: "json"}).logger(t.Output(), ""))
	must(t, err)
	must(t, sent.count(ctx, func() worker.Tally { return worker.Tally{OrderViolations: 3} }))
	_, span := sent.tracer().Start(ctx, "span")
	span.End()
	stop()
	sent.close(ctx, 0)
	if n, counted := len(c.named("span")), c.counted("contactrelay_order_violations_total", ""); n != 1 || counted[""] != 3 {
		t.Errorf("%d spans and the counts %v were sent, want 1 and 3", n, counted)
	}
	for _, from := range c.resources {
		if from["service.name"] != "contactrelay" {
			t.Errorf("sent from %v", from)
		}
	}
}

func TestNothingIsSentUnlessAVariableSaysWhere(t *testing.T) {
	for _, test := range []struct {
		variable        string
		ratio           float64
		metrics, traces bool
	}{
		{"", 1, false, false},
		{otlpEndpoint, 1, true, true},
		{otlpEndpoint, 0, true, false},
		{otlpMetricsEndpoint, 1, true, false},
		{otlpTracesEndpoint, 1, false, true},
	} {
		if test.variable != "" {
			t.Setenv(test.variable, "http://127.0.0.1:1")
		}
		e, faults := exportSettings{TraceRatio: test.ratio}, &settingFaults{}
		e.check(t.Context(), faults)
		if e.metrics != test.metrics || e.traces != test.traces || faults.err() != nil {
			t.Errorf("%q, ratio %v: metrics %v, traces %v, %v", test.variable, test.ratio, e.metrics, e.traces, faults.err())
		}
		if test.variable != "" {
			os.Unsetenv(test.variable)
		}
	}
}

func TestWrongVariablesOfOpenTelemetryAreReported(t *testing.T) {
	t.Setenv(otlpEndpoint, "127.0.0.1:4317")
	t.Setenv(otlpMetricsEndpoint, "https://telemetry.googleapis.com")
	t.Setenv(otlpProtocol, "http/protobuf")
	e, faults := exportSettings{TraceRatio: 1.5}, &settingFaults{}
	e.check(t.Context(), faults)
	for _, name := range []string{otlpEndpoint + ": must be http://", otlpEndpoint + ": is Google's", otlpProtocol, "--trace-ratio"} {
		if text := faults.err().Error(); !strings.Contains(text, name) {
			t.Errorf("%s is not named:\n%s", name, text)
		}
	}
}

func TestACollectorThatIsNotThereHoldsUpNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulate(t, "pubsub").Listen)
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: 1, Contacts: 1})
	r.publish([]messages.Message{firstChange(0, 0, "Nora")})
	w := r.observed(&collector{address: "127.0.0.1:1"}, []string{"OTEL_METRIC_EXPORT_INTERVAL=100"})
	w.until(1, time.Minute, applied)
	if took, err := w.terminate(); err != nil || took > flushLimit+2*time.Second {
		t.Errorf("SIGTERM to exit: %v, %v", took, err)
	}
	all, _ := w.since(0)
	warned := 0
	for _, text := range all {
		if line := logLine(t, text); line["severity"] == "WARNING" {
			warned++
		}
	}
	if warned == 0 || warned > 3 {
		t.Errorf("%d warnings, want one or a few:\n%s", warned, strings.Join(all, "\n"))
	}
}

// stopsUnderLoad stops a worker so many times with SIGTERM while it works, and sees that it ends in time, that its last
// counts were sent, and that in the end every change was made, and made once.
func stopsUnderLoad(t *testing.T, times int) {
	users := 20 * times
	const contacts = 10
	s := newSite(t)
	s.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
	s.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
		{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(100 * time.Millisecond)},
	}})
	var all []messages.Message
	for contact := range contacts {
		for user := range users {
			all = append(all, firstChange(user, contact, "changed"))
		}
	}
	s.publish(all)
	made, longest := 0, time.Duration(0)
	for life := range times {
		c := collect(t)
		w := s.observed(c, nil, "--trace-ratio", "0.1", "--max-calls", "20")
		w.until(50, time.Minute, applied)
		took, err := w.terminate()
		if err != nil || took > 8*time.Second {
			t.Errorf("stop %d: SIGTERM to exit: %v, %v; want under 8 s and no error", life, took, err)
		}
		longest = max(longest, took)
		done := w.logged(applied)
		if made += done; made == len(all) {
			t.Fatalf("stop %d: all was done before: the test shows nothing", life)
		}
		ended := c.counted("contactrelay_messages_total", "outcome")
		if ended["applied"] > done || ended["applied"]+ended["returned"] < done || ended["returned"] == 0 {
			t.Errorf("stop %d: the last metrics say %v, the log %d applied", life, ended, done)
		}
		sum, deliveries := 0, 0
		for _, n := range ended {
			sum += n
		}
		lines, _ := w.since(0)
		if n, ok := logLine(t, lines[len(lines)-1])["deliveries"].(float64); ok {
			deliveries = int(n)
		}
		if sum != deliveries {
			t.Errorf("stop %d: the metrics have %d deliveries, the worker had %d", life, sum, deliveries)
		}
		s.expire(false)
	}
	last := s.worker()
	s.untilEmpty(last)
	if n := len(lines[peoplesim.Write](t, s.people, "/audit")); n != len(all) {
		t.Errorf("%d writes for %d changes", n, len(all))
	}
	for key, contact := range s.contacts() {
		if got := givenName(contact); got != "changed" {
			t.Fatalf("%v ended as %q", key, got)
		}
	}
	if letters := s.deadLetters(); len(letters) > 0 {
		t.Errorf("%d dead letters", len(letters))
	}
	_, err := last.terminate()
	must(t, err)
	t.Logf("%d stops, the longest %v", times, longest)
}

func TestAStopUnderLoadSendsTheLastCountsAndLosesNothing(t *testing.T) {
	t.Parallel()
	stopsUnderLoad(t, 3)
}
