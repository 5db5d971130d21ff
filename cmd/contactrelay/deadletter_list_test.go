package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// assorted parks letters of several reasons and users, and what is no letter.
func assorted(r *benchRig) (foreign string) {
	bob := aLetter(4, deadletter.Invalid, "bob@example.com")
	bob.Replays = 2
	r.park(aLetter(1, deadletter.EtagConflict, "alice@example.com"), aLetter(2, deadletter.EtagConflict, "alice@example.com"),
		aLetter(3, deadletter.NotFound, "bob@example.com"), bob)
	foreign = r.put(deadletter.Message{Data: []byte("{}"), OrderingKey: "eve@example.com", Attributes: map[string]string{
		"CloudPubSubDeadLetterSourceSubscription": "contact-changes-worker", "CloudPubSubDeadLetterSourceDeliveryCount": "5",
		"CloudPubSubDeadLetterSourceTopicPublishTime": "2026-10-01T08:00:00.5+00:00",
	}})
	r.put(deadletter.Message{Data: []byte("not even JSON\x1b[31m"), Attributes: nil})
	r.put(deadletter.Message{Attributes: map[string]string{"dl-reason": "nonsense", "dl-letter": "X"}})
	return foreign
}

func TestListShowsEveryLetterAndWhatIsNone(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	assorted(r)
	code, out, errs := r.ask("", "list")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	tooWide(t, out)
	if n := strings.Count(out, "\n"); n != 1+7 {
		t.Errorf("%d lines, want a header and 7 entries:\n%s", n, out)
	}
	for reason, n := range map[string]int{" etag_conflict ": 2, " not_found ": 1, " invalid ": 1, " foreign ": 2, " damaged ": 1, "\x1b": 0} {
		if got := strings.Count(out, reason); got != n {
			t.Errorf("%d times %q, want %d:\n%s", got, reason, n, out)
		}
	}
	if !strings.Contains(unwrapped(errs), "7 letters seen. Letters that another operator holds") {
		t.Errorf("nothing is said of how many were seen: %q", errs)
	}
	if len(r.left()) != 7 {
		t.Error("looking removed something")
	}
}

func TestListSelectsByEachFilter(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	foreign := assorted(r)
	for args, want := range map[string][]string{
		"--reason=etag_conflict":                        {"LETTER000002", "LETTER000001"},
		"--reason=not_found,invalid":                    {"LETTER000004", "LETTER000003"},
		"--user=bob@example.com":                        {"LETTER000004", "LETTER000003"},
		"--contact=people/c3":                           {"LETTER000003"},
		"--contact=c3":                                  {"LETTER000003"},
		"--reason=foreign --user=eve@example.com":       {foreign},
		"--type=patch --limit=1":                        {"LETTER000004"},
		"--type=photo":                                  nil,
		"--until=2026-10-01T08:01:00.003Z --type=patch": {"LETTER000002", "LETTER000001"},
		"--since=2026-10-01T08:01:00.003Z --type=patch": {"LETTER000004", "LETTER000003"},
		"--since=5m --user=eve@example.com":             {foreign},
		"--user=bob@example.com --reason=etag_conflict": nil,
	} {
		code, out, errs := r.ask("", "list", append([]string{"--json"}, strings.Fields(args)...)...)
		var got []string
		for _, l := range jsonLines[listedLetter](t, out) {
			got = append(got, l.ID)
		}
		if code != 0 || !slices.Equal(got, want) {
			t.Errorf("%s: exit code %d, got %q, want %q; %s", args, code, got, want, errs)
		}
	}
}

func TestStatsCountsReasonsAgesUsersAndFailures(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	assorted(r)
	_, out, _ := r.ask("", "stats", "--json")
	var s deadletter.Stats
	must(t, json.Unmarshal([]byte(out), &s))
	if s.Letters != 7 || s.Reasons[0].Reason != deadletter.EtagConflict && s.Reasons[0].Reason != "foreign" || s.Reasons[0].Letters != 2 {
		t.Errorf("got %+v", s)
	}
	i := slices.IndexFunc(s.Failures, func(f deadletter.Failure) bool { return f.Reason == deadletter.EtagConflict })
	if f := s.Failures[i]; f.Letters != 2 || f.Detail != "a fixed text, case #" || f.Example != "LETTER000002" {
		t.Errorf("letters that differ in a number are not one failure: %+v", f)
	}
	code, out, _ := r.ask("", "stats")
	tooWide(t, out)
	if code != 0 || !strings.Contains(out, "████") || !strings.Contains(out, "alice@example.com") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestLookingAtAnEmptySubscriptionIsNoFault(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	for _, command := range []string{"list", "stats"} {
		code, out, errs := r.ask("", command)
		if code != 0 || out != "" || !strings.Contains(errs, "0 letters seen") {
			t.Errorf("%s: exit code %d, %q, %q", command, code, out, errs)
		}
	}
	if code, out, errs := r.ask("", "replay", "--all", "--yes"); code != 0 || !strings.Contains(errs, "0 letters seen") {
		t.Errorf("replay: exit code %d, %q, %q: a second run may only wait for what the first one holds", code, out, errs)
	}
	if _, out, _ := r.ask("", "stats", "--json"); strings.Contains(out, "null") {
		t.Errorf("a script that reads lists meets null: %s", out)
	}
}

func TestAWrongNameAMissingGrantAndASilentServiceAreToldInOneLine(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	code, _, errs := r.ask("", "list", "--dead-letter-subscription=no-such")
	if code != 1 || !strings.Contains(unwrapped(errs), "there is no subscription projects/demo/subscriptions/no-such") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	must(t, r.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
	code, _, errs = r.ask("", "stats")
	if code != 1 || !strings.Contains(unwrapped(errs), "grant roles/pubsub.subscriber on it") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	r.set("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	code, _, errs = r.ask("", "list")
	if code != 1 || !strings.Contains(unwrapped(errs), "Pub/Sub at 127.0.0.1:1 is unavailable") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

func TestLookingSurvivesAServiceThatFailsRequestsNowAndThen(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	for n := range 50 {
		r.park(aLetter(n, deadletter.Rejected, "alice@example.com"))
	}
	must(t, r.broker.SetFaults(pubsubsim.Faults{AckFailure: 0.3, Duplicate: 0.2}))
	code, out, errs := r.ask("", "list")
	must(t, r.broker.SetFaults(pubsubsim.Faults{}))
	if n := strings.Count(out, "\n"); code != 0 || n != 51 {
		t.Errorf("exit code %d, %d lines; %s", code, n, errs)
	}
}

func TestWrongSettingsOfTheBenchAreReportedTogether(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	code, _, errs := ask(t, t.Context(), "", "deadletter", "list", "--reason=bad_luck", "--type=fax", "--since=yesterday", "--until=2026-13-01", "--limit=-1", "--wait=0s",
		"--dead-letter-subscription=x")
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for _, flag := range []string{"reason", "type", "since", "until", "limit", "wait", "dead-letter-subscription"} {
		if !strings.Contains(errs, "--"+flag+": ") {
			t.Errorf("nothing about --%s:\n%s", flag, errs)
		}
	}
	if text := unwrapped(errs); !strings.Contains(text, `"bad_luck" is none of malformed, unsupported_type,`) || !strings.Contains(text, "damaged, incomplete") {
		t.Errorf("nothing about which reasons there are: %s", errs)
	}
	code, _, errs = ask(t, t.Context(), "", "deadletter", "stats", "--since=1h", "--until=2h")
	if code != 2 || !strings.Contains(errs, "--until: must be later than --since") {
		t.Errorf("a time that ends before it begins: exit code %d, %q", code, errs)
	}
}

func TestATableGivesUpRoomWhereThereIsMost(t *testing.T) {
	var out strings.Builder
	columns := []column{{name: "USER", flex: true}, {name: "ID"}, {name: "DETAIL", flex: true}}
	printTable(&out, columns, [][]string{{"short", "0123456789", strings.Repeat("long ", 20)}}, 40)
	if got, want := out.String(), "USER  ID         DETAIL\nshort 0123456789 long long long long lo…\n"; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	out.Reset()
	printTable(&out, columns, [][]string{{strings.Repeat("user ", 20), "0123456789", strings.Repeat("long ", 20)}}, 40)
	tooWide(t, out.String())
	if !strings.Contains(out.String(), "user user use… 0123456789 long long lon…") {
		t.Errorf("not shared:\n%s", out.String())
	}
}

// monitoringAnswer answers every request as the monitoring API does.
type monitoringAnswer struct {
	t    *testing.T
	body string
}

func (m monitoringAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	if filter := request.URL.Query().Get("filter"); !strings.Contains(filter, `num_undelivered_messages"`) || !strings.Contains(filter, `subscription_id="dead"`) || request.URL.Path != "/v3/projects/p1/timeSeries" {
		m.t.Errorf("asked %s with the filter %q", request.URL.Path, filter)
	}
	answer := http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: request}
	answer.Body = readCloser{strings.NewReader(m.body)}
	return &answer, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestTheBacklogIsReadFromTheMonitoringAPIAndCompared(t *testing.T) {
	body := `{"timeSeries":[{"points":[{"interval":{"endTime":"2026-10-01T08:00:00Z"},"value":{"int64Value":"12"}},{"interval":{"endTime":"2026-10-01T07:59:00Z"},"value":{"int64Value":"9"}}]}]}`
	n, at, err := backlog(t.Context(), monitoringAnswer{t, body}, "projects/p1/subscriptions/dead")
	if err != nil || n != 12 || !at.Equal(time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("got %d, %v, %v", n, at, err)
	}
	if text := compare(10, n, 2*time.Minute); !strings.Contains(text, "was 12, 2m ago") || !strings.Contains(text, "another operator may hold 2") {
		t.Errorf("no warning: %s", text)
	}
	if text := compare(12, n, time.Minute); strings.Contains(text, "another operator") {
		t.Errorf("a needless warning: %s", text)
	}
	if _, _, err := backlog(t.Context(), monitoringAnswer{t, `{}`}, "projects/p1/subscriptions/dead"); err == nil {
		t.Error("no figures are taken for none left")
	}
}
