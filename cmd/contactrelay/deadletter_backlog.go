package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"
)

// backlogTimeout bounds the question how many letters there are: what was seen is shown without an answer, too.
const backlogTimeout = 3 * time.Second

// account says on t.err how many letters were seen, and of how many. Pub/Sub cannot prove that all were.
func (b *bench) account(ctx context.Context, t terminal, matching int) {
	seen := plural(len(b.entries), "letter") + " seen"
	if matching < len(b.entries) {
		seen = fmt.Sprintf("%s, %d matching", seen, matching)
	}
	if os.Getenv("PUBSUB_EMULATOR_HOST") != "" {
		t.complain("%s. Letters that another operator holds at the moment, or a command that was killed, are not among them.", seen)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, backlogTimeout)
	defer cancel()
	count, at, err := backlog(ctx, nil, b.subscription)
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		err = fmt.Errorf("HTTP %d: see roles/monitoring.viewer", refused.Code) // its own text is half a page
	}
	if err != nil {
		t.complain("%s. The monitoring API does not say how many there are (%v): letters that another operator holds, or a command that was killed, are not among them.", seen, err)
		return
	}
	t.complain("%s; %s", seen, compare(len(b.held), count, time.Since(at)))
}

// compare says what the backlog that monitoring knows means for the messages that were seen. It is some minutes old.
func compare(seen, backlog int, old time.Duration) string {
	when := fmt.Sprintf("the backlog was %d, %s ago", backlog, aged(old))
	if backlog <= seen {
		return when + "."
	}
	return fmt.Sprintf("%s: another operator may hold %d of them, or a command that was killed; those are back within its lease.", when, backlog-seen)
}

// backlogMetric is what Pub/Sub reports once a minute, up to four minutes late.
// https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub
const backlogMetric = "pubsub.googleapis.com/subscription/num_undelivered_messages"

// backlog asks the monitoring API how many messages a subscription has, and when. The transport is that of the default
// credentials if it is nil.
func backlog(ctx context.Context, transport http.RoundTripper, subscription string) (count int, at time.Time, err error) {
	var options []option.ClientOption
	if transport != nil {
		options = append(options, option.WithHTTPClient(&http.Client{Transport: transport}))
	} else {
		options = append(options, option.WithScopes(monitoring.MonitoringReadScope))
	}
	service, err := monitoring.NewService(ctx, options...)
	if err != nil {
		return 0, at, err
	}
	parts := strings.Split(subscription, "/") // projects/P/subscriptions/S
	now := time.Now().UTC()
	answer, err := service.Projects.TimeSeries.List(strings.Join(parts[:2], "/")).
		Filter(fmt.Sprintf("metric.type=%q AND resource.labels.subscription_id=%q", backlogMetric, parts[3])).
		IntervalStartTime(now.Add(-10 * time.Minute).Format(time.RFC3339)).IntervalEndTime(now.Format(time.RFC3339)).
		Context(ctx).Do()
	if err != nil {
		return 0, at, err
	}
	for _, series := range answer.TimeSeries {
		for _, point := range series.Points { // newest first
			if point.Value != nil && point.Value.Int64Value != nil && point.Interval != nil {
				at, err = time.Parse(time.RFC3339Nano, point.Interval.EndTime)
				return int(*point.Value.Int64Value), at, err
			}
		}
	}
	return 0, at, errors.New("it has no figures of the last minutes")
}
